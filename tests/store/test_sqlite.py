"""What is SQLite's own: one writer at a time, and connections that are kept for the next."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gevent
import pytest
from sqlalchemy import Engine, event, make_url, text

from tests.store.conftest import NOW, columns_of, made, put, row, take
from wumai.clock import SystemClock
from wumai.job import Outcome
from wumai.store.db_errors import Busy, InDoubt, Rejected, StoreError
from wumai.store.engine import ROLES, make_engine
from wumai.store.sql import SqlStore
from wumai.store.sqlite import KEPT, LOCK_WAIT, LOG_PAGES


def test_reading_goes_on_while_another_writes(sqlite_url, opened):
    """A read is of the last commit."""
    one, other = made(opened(sqlite_url)), opened(sqlite_url)
    put(one, row())
    with other.engine.begin() as connection:
        connection.execute(text("UPDATE job SET action = 'Other'"))
        assert one.get_job('job-1').action == 'Act'
    assert one.get_job('job-1').action == 'Other'


def test_a_writer_waits_for_the_other(sqlite_url, opened, monkeypatch):
    """For a while, and then is Busy; the wait is not the driver's, which would stop gevent."""
    one, other = made(opened(sqlite_url)), opened(sqlite_url)
    waits = []
    monkeypatch.setattr(gevent, 'sleep', waits.append)
    with other.engine.begin() as connection:
        connection.execute(text("UPDATE job SET action = 'Other'"))
        began = time.perf_counter()
        with pytest.raises(Busy):
            put(one, row())
    assert sum(waits) >= LOCK_WAIT
    assert time.perf_counter() - began < 5
    put(one, row())


def test_it_is_durable_enough(sqlite):
    """WAL with synchronous = NORMAL: a crash of a process loses nothing, a sync is rare."""
    with sqlite.engine.connect() as connection:
        modes = [
            connection.exec_driver_sql(f'PRAGMA {name}').scalar()
            for name in ('journal_mode', 'synchronous', 'wal_autocheckpoint')
        ]
    assert modes == ['wal', 1, LOG_PAGES]


def test_text_that_is_no_utf8(sqlite):
    """Does not fail the query that meets it."""
    put(sqlite, row())
    with sqlite.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE job SET params = CAST(x'7bff7d' AS TEXT)")
    assert sqlite.get_job('job-1').params == '{�}'
    assert sqlite.claim(['job-1'], 1, 'token', NOW).claims[0].params == '{�}'


@pytest.fixture
def checkouts(sqlite) -> list[object]:
    """Grows by one with each connection that is taken from the pool of `sqlite`."""
    taken: list[object] = []
    event.listen(sqlite.engine, 'checkout', lambda *_: taken.append(None))
    return taken


def test_transactions_one_after_the_other(sqlite, checkouts):
    """Share one connection, and what one has read holds up no other."""
    put(sqlite, row())
    sqlite.candidates(NOW, 9)
    assert take(sqlite, 'job-1') == ['job-1']
    assert len(checkouts) == 1
    assert columns_of(sqlite)['status'] == 'running'


def test_a_transaction_that_fails(sqlite, checkouts):
    """Is undone, and nothing of it is kept."""

    def write() -> None:
        with sqlite._writing() as connection:
            connection.execute(text("INSERT INTO job (id, action, status) VALUES ('a', 'A', 'b')"))
            connection.execute(text('no SQL'))

    with pytest.raises(StoreError):
        write()
    assert sqlite.get_job('a') is None
    assert len(checkouts) == 2


def test_what_is_kept_fails_with_another(sqlite, checkouts):
    """What has befallen one connection may have befallen the others."""

    def read() -> None:
        with sqlite._reading() as connection:
            sqlite.ping()
            connection.execute(text('no SQL'))

    with pytest.raises(StoreError):
        read()
    sqlite.ping()
    assert len(checkouts) == 3


def test_many_at_once(sqlite):
    """Few are kept: the others go back into the pool, which others need as well."""
    held = [sqlite._reading() for _ in range(KEPT + 2)]
    for one in held:
        one.__enter__().execute(text('SELECT 1'))
    for one in held:
        one.__exit__(None, None, None)
    assert sqlite.engine.pool.checkedout() == KEPT


def test_a_greenlet_that_is_killed(sqlite):
    """Leaves no lock behind."""

    def write() -> None:
        with sqlite._writing() as connection:
            connection.execute(text('DELETE FROM job'))
            gevent.sleep(60)

    writing = gevent.spawn(write)
    gevent.sleep(0)
    writing.kill()
    put(sqlite, row())


def test_close(sqlite):
    """Closes those that are kept too."""
    sqlite.ping()
    (kept,) = sqlite._kept._idle
    driver = kept.connection.dbapi_connection
    sqlite.close()
    with pytest.raises(sqlite3.ProgrammingError, match='closed'):
        driver.execute('SELECT 1')


def test_more_than_are_kept_in_use_at_the_close(sqlite):
    """None goes back into a pool, though as many as are kept are there again."""
    held = [sqlite._reading() for _ in range(KEPT + 1)]
    drivers = [one.__enter__().connection.dbapi_connection for one in held]
    sqlite.close()
    with sqlite._reading(), sqlite._reading():
        pass
    for one in held:
        one.__exit__(None, None, None)
    for driver in drivers:
        with pytest.raises(sqlite3.ProgrammingError, match='closed'):
            driver.execute('SELECT 1')


def test_what_is_in_use_at_the_close(sqlite):
    """Is not kept afterwards, but closed: it is of a pool that nobody has any more."""
    with sqlite._reading() as connection:
        driver = connection.connection.dbapi_connection
        sqlite.close()
    assert sqlite._kept._idle == []
    assert connection.closed
    with pytest.raises(sqlite3.ProgrammingError, match='closed'):
        driver.execute('SELECT 1')


def test_where_connections_may_be_gone(sqlite_url):
    """The pool asks them before each use, so none is kept from it."""
    sqlite = made(
        SqlStore(make_engine(make_url(sqlite_url), ROLES['worker'], SystemClock(), pings=True))
    )
    sqlite.ping()
    assert sqlite.engine.pool.checkedout() == 0
    sqlite.close()


class Failing(sqlite3.Connection):
    """A connection on which what is named in `fails` raises; `sent` has its statements."""

    error: ClassVar[type[Exception]] = sqlite3.OperationalError
    fails: ClassVar[list[str]] = []
    sent: ClassVar[list[str]] = []

    def cursor(self, *_: Any) -> Any:
        return super().cursor(_Cursor)

    def commit(self) -> None:
        _fail_if(self.fails, 'COMMIT')
        super().commit()


class _Cursor(sqlite3.Cursor):
    def execute(self, statement: str, *values: Any) -> Any:
        Failing.sent.append(statement.partition(' ')[0])
        _fail_if(Failing.fails, statement)
        return super().execute(statement, *values)

    def executemany(self, statement: str, *values: Any) -> Any:
        _fail_if(Failing.fails, statement)
        return super().executemany(statement, *values)


def _fail_if(names: list[str], statement: str) -> None:
    if statement.startswith(tuple(names)):
        raise Failing.error('disk I/O error')


@pytest.fixture
def failing(sqlite, sqlite_url, monkeypatch) -> Iterator[SqlStore]:
    """A store on the same file, over such connections."""
    monkeypatch.setattr(Failing, 'fails', [])
    monkeypatch.setattr(Failing, 'sent', [])
    path = make_url(sqlite_url).database
    store = SqlStore(
        make_engine(
            make_url(sqlite_url),
            ROLES['worker'],
            SystemClock(),
            creator=lambda: sqlite3.connect(path, timeout=0, factory=Failing),
        )
    )
    yield store
    store.close()


@pytest.mark.parametrize('statement', ['BEGIN', 'SELECT', 'UPDATE'])
def test_a_claim_that_fails(sqlite, failing, statement):
    """Is sent once, undone, and leaves neither a lock nor a connection behind."""
    put(sqlite, row('job-1'), row('job-2'))
    assert take(failing, 'job-2') == ['job-2']
    Failing.fails.append(statement)
    Failing.sent.clear()
    with pytest.raises(StoreError, match='disk I/O error'):
        take(failing, 'job-1')
    assert Failing.sent.count(statement) == 1
    assert failing.engine.pool.checkedout() == 0
    assert sqlite.get_job('job-1') == row('job-1')
    Failing.fails.clear()
    assert take(failing, 'job-1') == ['job-1']


def test_a_connection_that_is_lost(sqlite):
    """Costs one transaction: neither it nor what was kept beside it is used again."""
    put(sqlite, row())
    with sqlite._reading(), sqlite._reading():
        pass
    for kept in sqlite._kept._idle:
        kept.connection.dbapi_connection.close()
    with pytest.raises(StoreError):
        take(sqlite, 'job-1')
    assert take(sqlite, 'job-1') == ['job-1']


def test_a_row_that_is_refused(sqlite):
    """Leaves nothing locked, as long as its error is looked at."""
    put(sqlite, row('job-1'), row('job-2'))
    with sqlite.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON job WHEN OLD.id = 'job-1' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(Rejected, match='no') as refusal:
        take(sqlite, 'job-1')
    assert take(sqlite, 'job-2') == ['job-2']
    del refusal


def test_a_failure_is_cheap(sqlite, sqlite_url):
    """The last connection to the file stays: to close it would move and sync the whole log."""
    put(sqlite, row())
    with pytest.raises(Rejected):
        put(sqlite, row())
    assert Path(f'{make_url(sqlite_url).database}-wal').exists()


def test_an_error_that_is_not_of_sqlite(sqlite, failing, monkeypatch):
    """Such as want of memory: it is one of the store all the same."""
    put(sqlite, row())
    monkeypatch.setattr(Failing, 'error', MemoryError)
    Failing.fails += ['UPDATE', 'INSERT']
    with pytest.raises(StoreError, match='MemoryError'):
        take(failing, 'job-1')
    with pytest.raises(StoreError, match='MemoryError'):
        put(failing, row('job-2'))
    assert take(sqlite, 'job-1') == ['job-1']


def test_a_commit_that_fails_on_the_way_through_sqlalchemy(sqlite, sqlite_url, opened):
    """Leaves nothing open either: here a reader holds it up, as it does without WAL."""
    put(sqlite, row())
    sqlite.close()
    reader = sqlite3.connect(make_url(sqlite_url).database, isolation_level=None)
    reader.execute('PRAGMA journal_mode = DELETE').fetchall()
    store = opened(sqlite_url)
    event.listen(
        store.engine,
        'connect',
        lambda one, _: one.execute('PRAGMA journal_mode = DELETE').fetchall(),
    )
    store.ping()
    reader.execute('BEGIN')
    reader.execute('SELECT * FROM job').fetchall()
    with pytest.raises(Busy):
        store.cancel('job-1', NOW)
    reader.execute('COMMIT')
    reader.execute("UPDATE job SET action = 'Other'")
    assert store.cancel('job-1', NOW)
    reader.close()


def test_a_commit_that_fails(sqlite, failing):
    """Leaves it in doubt, and nothing locked."""
    put(sqlite, row())
    Failing.fails.append('COMMIT')
    with pytest.raises(InDoubt, match='disk I/O error'):
        take(failing, 'job-1')
    assert take(sqlite, 'job-1') == ['job-1']


def test_an_outcome_that_comes_late_costs_no_other_its_own(sqlite, failing):
    """All are undone, and written one by one in a transaction that begins anew."""
    put(sqlite, row('job-1'), row('job-2'))
    take(sqlite, 'job-1', 'job-2')
    sqlite.cancel('job-1', NOW)
    failing.ping()
    Failing.sent.clear()
    done = [Outcome(f'job-{n}', 'token', 'finished', result='1', trys=1) for n in (1, 2)]
    assert failing.write(done, NOW) == {'job-2'}
    assert Failing.sent == ['BEGIN', 'UPDATE', 'BEGIN', 'UPDATE', 'UPDATE']
    assert sqlite.get_job('job-2').status == 'finished'


def test_who_listens_to_statements_hears_them_all(sqlite):
    """Those too that need nothing of SQLAlchemy but this."""
    heard: list[str] = []

    def hear(_connection, _cursor, statement, *_):
        heard.append(statement.partition(' ')[0])

    put(sqlite, row())
    event.listen(sqlite.engine, 'before_cursor_execute', hear)
    assert take(sqlite, 'job-1') == ['job-1']
    assert heard == ['BEGIN', 'SELECT', 'UPDATE']


def test_who_listens_to_commits_hears_them_all(sqlite):
    """On the class of all engines, as some do."""
    heard: list[object] = []

    def hear(connection):
        heard.append(connection)

    put(sqlite, row())
    event.listen(Engine, 'commit', hear)
    try:
        assert take(sqlite, 'job-1') == ['job-1']
    finally:
        event.remove(Engine, 'commit', hear)
    assert len(heard) == 1


def test_who_logs_statements_has_them_all(sqlite_url, caplog):
    """As with CONF.db_log; an engine that logs nothing sends the same."""
    with caplog.at_level(logging.INFO, 'sqlalchemy.engine'):
        store = made(SqlStore(make_engine(make_url(sqlite_url), ROLES['worker'], SystemClock())))
        put(store, row())
        caplog.clear()
        assert take(store, 'job-1') == ['job-1']
        store.close()
    logged = {message.partition(' ')[0] for message in caplog.messages}
    assert logged >= {'BEGIN', 'SELECT', 'UPDATE', 'COMMIT'}


def test_a_claimer_that_is_killed_while_it_waits(sqlite, failing):
    """Holds nothing."""
    put(sqlite, row())
    with sqlite._writing() as connection:
        connection.execute(text("UPDATE job SET action = 'Other'"))
        waiting = gevent.spawn(take, failing, 'job-1')
        gevent.sleep(0)
        waiting.kill()
    assert failing.engine.pool.checkedout() == 0
    assert take(sqlite, 'job-1') == ['job-1']
