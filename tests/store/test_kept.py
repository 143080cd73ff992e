"""The connections that a store keeps between its transactions on SQLite."""

import sqlite3

import gevent
import pytest
from sqlalchemy import event, make_url, text

from tests.store.conftest import NOW, columns_of, made, put, row, take
from wumai.clock import SystemClock
from wumai.store.db_errors import StoreError
from wumai.store.engine import KEPT, ROLES, make_engine
from wumai.store.prepared import Prepared
from wumai.store.sql import SqlStore


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


def test_what_is_in_use_at_the_close(sqlite):
    """Is not kept afterwards, but closed: it is of a pool that nobody has any more."""
    with sqlite._reading() as connection:
        driver = connection.connection.dbapi_connection
        sqlite.close()
    assert sqlite._kept._idle == []
    assert connection.closed
    with pytest.raises(sqlite3.ProgrammingError, match='closed'):
        driver.execute('SELECT 1')


def test_an_error_of_a_query_is_raised_at_once(sqlite, monkeypatch):
    """And the query is not sent again, perhaps without the transaction that it belongs to."""
    sent = []

    def fetched(_statement, _connection, values):
        sent.append(values)
        raise sqlite3.OperationalError('disk I/O error')

    monkeypatch.setattr(Prepared, '_fetched', fetched)
    with pytest.raises(StoreError, match='disk I/O error'):
        sqlite.candidates(NOW, 9)
    assert len(sent) == 1


def test_where_connections_may_be_gone(sqlite_url):
    """The pool asks them before each use, so none is kept from it."""
    sqlite = made(
        SqlStore(make_engine(make_url(sqlite_url), ROLES['worker'], SystemClock(), pings=True))
    )
    sqlite.ping()
    assert sqlite.engine.pool.checkedout() == 0
    sqlite.close()
