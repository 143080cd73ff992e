"""What SQLite needs: its driver's own busy wait would stop every greenlet, so it is off and we wait
on gevent; and in one process its pool and its transactions are to cost no more than itself.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

import gevent
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError as SqlOperationalError

from wumai.store.db_errors import TRANSLATED, StoreError, translate
from wumai.store.prepared import Prepared, Values, execute

LOCK_WAIT = 10.0
"""Seconds that a transaction waits for the one writer before it is Busy."""
LOG_PAGES = 8000
"""32 MB, to which the log grows before it is moved into the file and synced, which costs a busy
worker more than the rows do.
"""
KEPT = 2
"""Connections that are kept: one for claims, and one for outcomes."""
CONNECT_ARGS = {'timeout': 0, 'check_same_thread': False}

_KEPT = 'wumai_kept'
_T = TypeVar('_T')


class Kept:
    """At most `most` connections of an engine between two transactions, where its pool has nothing
    to look after and costs more than a statement.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[Connection] = []
        self.generation = 0
        """Grows with each `close`: what was in use then is kept no more."""

    def take(self) -> Connection | None:
        return self._idle.pop() if self._idle else None

    def put(self, connection: Connection, generation: int) -> None:
        """Keep it, or give it back to the pool, which others need as well."""
        if generation != self.generation:
            _end(connection)  # its pool may be one that nobody has any more
        elif len(self._idle) >= self._most:
            connection.close()
        else:
            connection.rollback()  # where it has only read
            self._idle.append(connection)

    def close(self) -> None:
        self.generation += 1
        while self._idle:
            _end(self._idle.pop())


def _end(connection: Connection) -> None:
    connection.invalidate()
    connection.close()


def undo(connection: Connection) -> None:
    """End a transaction whose COMMIT has failed, which SQLAlchemy takes for ended."""
    with suppress(Exception):
        _driver_of(connection).rollback()


def prepare(engine: Engine) -> None:
    """Have `engine` wait for locks on gevent, and keep what it is told to."""
    event.listen(engine, 'connect', _on_connect)
    event.listen(engine, 'begin', _on_begin)
    event.listen(engine, 'engine_disposed', lambda _: kept_of(engine).close())


def options(*, pings: bool) -> dict[str, Any]:
    """Execution options of an engine; where connections are asked before each use, none is kept."""
    return {_KEPT: Kept(0 if pings else KEPT)}


def kept_of(engine: Engine) -> Kept:
    kept: Kept | None = engine.get_execution_options().get(_KEPT)
    return kept or Kept(0)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours to send
    # A row with text that is no UTF-8 must not fail the whole query.
    connection.text_factory = _lenient_text
    _waiting_for_lock(lambda: connection.execute('PRAGMA journal_mode = WAL'))
    connection.execute('PRAGMA synchronous = NORMAL')
    connection.execute(f'PRAGMA wal_autocheckpoint = {LOG_PAGES}')


def _lenient_text(raw: bytes) -> str:
    return raw.decode('utf-8', 'replace')


def _on_begin(connection: Connection) -> None:
    if connection.get_execution_options().get('wumai_reads'):
        execute(connection, 'BEGIN')
    else:
        _waiting_for_lock(lambda: execute(connection, 'BEGIN IMMEDIATE'))


def _waiting_for_lock(attempt: Callable[[], object]) -> None:
    waited, pause = 0.0, 0.001
    while True:
        try:
            attempt()
            return
        except Exception as error:
            if not _is_locked(error) or waited >= LOCK_WAIT:
                raise
        gevent.sleep(pause)
        waited += pause
        pause = min(pause * 2, 0.05)


def _is_locked(error: Exception) -> bool:
    original = error.orig if isinstance(error, SqlOperationalError) else error
    return getattr(original, 'sqlite_errorcode', 0) & 0xFF in (5, 6)


def unobserved(engine: Engine) -> bool:
    """Whether nothing of SQLAlchemy is needed: neither another driver than Python's own, nor its
    log of statements, nor its events of statements and ends of transactions, to which an app may
    listen for all engines.
    """
    events = engine.dispatch
    return engine.dialect.driver == 'pysqlite' and not (
        events.before_cursor_execute
        or events.after_cursor_execute
        or events.commit
        or events.rollback
        or engine.logger.isEnabledFor(logging.INFO)
    )


def _driver_of(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


class Direct:
    """A transaction of prepared statements on the driver itself: what SQLAlchemy does for one, and
    for each statement, takes longer than SQLite. See transaction.py, the contract.
    """

    def __init__(self, engine: Engine, kept: Kept, *, reads: bool) -> None:
        self._engine = engine
        self._dialect: Any = type(engine.dialect)
        self._kept = kept
        self._reads = reads

    def __enter__(self) -> 'Direct':
        self._generation = self._kept.generation
        try:
            self._connection = self._kept.take() or self._engine.connect()
        except TRANSLATED as error:
            raise translate(error) from error
        self._driver = _driver_of(self._connection)
        try:
            self._begin()
        except BaseException as error:
            self._fail(error)
            raise
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if error is None:
            try:
                self._driver.rollback() if self._reads else self._driver.commit()
            except BaseException as failure:
                self._fail(failure, committing=not self._reads)
                raise
            self._kept.put(self._connection, self._generation)
        else:
            self._fail(error)

    def _begin(self) -> None:
        if self._reads:
            self._driver.cursor().execute('BEGIN')
        else:
            _waiting_for_lock(lambda: self._driver.cursor().execute('BEGIN IMMEDIATE'))

    def _fail(self, error: BaseException, *, committing: bool = False) -> None:
        """Undo all, and keep nothing: what has befallen one connection may befall the others."""
        try:
            self._driver.rollback()  # a statement that has failed would hold the lock beyond
            self._connection.close()  # not the last one of the file, which would sync its log
        except Exception:
            _end(self._connection)
        self._kept.close()
        if isinstance(error, TRANSLATED):
            raise translate(error, committing=committing) from error

    def rows(self, statement: Prepared, values: Values) -> list[Any]:
        """Without the lenient text_factory, which doubles the time of a query, where no text needs
        it.
        """
        text, given = statement.bound(self._dialect, values)
        self._driver.text_factory = str
        try:
            return self._done(lambda cursor: list(cursor.execute(text, given).fetchall()))
        except StoreError as error:
            if 'decode' not in str(error):  # any other may have ended the transaction
                raise
        finally:
            self._driver.text_factory = _lenient_text
        return self._done(lambda cursor: list(cursor.execute(text, given).fetchall()))

    def count(self, statement: Prepared, values: Values) -> int:
        text, given = statement.bound(self._dialect, values)
        return self._done(lambda cursor: int(cursor.execute(text, given).rowcount))

    def insert(self, statement: Prepared, names: Sequence[str], rows: list[Any]) -> None:
        text = statement.of(self._dialect, names)
        self._done(lambda cursor: cursor.executemany(text, rows))

    def rollback(self) -> None:
        self._driver.rollback()
        self._begin()

    def _done(self, act: Callable[[Any], _T]) -> _T:
        """What `act` returns for a cursor, which is its own: one that is still there when the
        connection breaks would keep the lock.
        """
        try:
            return act(self._driver.cursor())
        except Exception as error:
            raise translate(error) from error
