"""The database of a simulation: a temporary SQLite file, or one of its own on a real server."""

import atexit
import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    URL,
    Engine,
    MetaData,
    NullPool,
    QueuePool,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import Connection as SqlConnection
from sqlalchemy.engine import ExceptionContext

from wumai.clock import Clock, SystemClock
from wumai.error import ConfigError
from wumai.model.resource import Resource
from wumai.store import schema
from wumai.store.db_errors import TRANSLATED, lacks_table, translate
from wumai.store.engine import ROLES, Role, make_engine, server_url
from wumai_testing.faults import GONE, LOST, REFUSED, Connection, FaultPlan

# Nothing of a test is worth the wait for a disk.
_MEMORY = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
_LOST = {REFUSED[0], GONE[0], LOST[0]}
_OPTIONS: dict[str, dict[str, Any]] = {
    # psycopg would look for that type through a connection of its own class alone.
    'postgresql+psycopg': {'use_native_hstore': False}
}
_MARKER = 'wumai_testing'
"""A table that says: this database was made for tests, and may be emptied."""


class Database:
    """Where the jobs of one simulation are."""

    def __init__(self, url: URL, connect: Callable[[], Any], error: type[Exception]) -> None:
        self.url = url
        self._connect = connect
        self._error = error
        self._engines: list[Engine] = []
        self._raw: Any = None

    def engine(self, role: Role, clock: Clock, plan: FaultPlan, node: str) -> Engine:
        """An engine of production, over connections that `plan` may disturb."""

        def creator() -> Connection:
            if plan.is_down:
                raise self._error(*REFUSED)
            real = self._open(role, node)
            return Connection(real, plan, node, self._error, role.statement_timeout)

        engine = make_engine(
            self.url,
            role,
            clock,
            creator=creator,
            # A full pool would wait on a lock of the thread, which stops virtual time.
            poolclass=QueuePool,
            max_overflow=-1,
            pings=role.pre_ping,
            **_OPTIONS.get(self.url.drivername, {}),
        )
        event.listen(engine, 'handle_error', self._failed)
        self._engines.append(engine)
        return engine

    lacks_table = False
    """Whether a statement has asked for a table that is not there."""

    def _failed(self, context: ExceptionContext) -> None:
        error = context.original_exception
        # SQLAlchemy knows it of MySQL's own errors: such a connection is gone.
        if error.args and error.args[0] in _LOST:
            context.is_disconnect = True
        self.lacks_table = self.lacks_table or lacks_table(error)

    def _open(self, role: Role, node: str) -> Any:  # noqa: ARG002
        """A connection of the driver for `role` of the process `node`."""
        return self._connect()

    def observer(self) -> Engine:
        """An engine aside from the simulation: no latency, no faults."""
        engine = make_engine(self.url, ROLES['worker'], _Aside(), creator=self._connect)
        self._engines.append(engine)
        return engine

    def ask(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        """Rows read aside from the simulation: no latency, no faults, no transaction kept."""
        if self._raw is None:
            self._raw = self._connect()
        cursor = self._raw.cursor()
        try:
            cursor.execute(query, *args)
            return list(cursor.fetchall())
        finally:
            cursor.close()
            self._raw.rollback()

    def close(self) -> None:
        for engine in self._engines:
            engine.dispose()
        if self._raw is not None:
            self._raw.close()


class _Aside(SystemClock):
    """The clock of who only looks on, and is not to notice that a server's time is a real one."""

    def observe(self, *_: object) -> None:
        pass


def sqlite_database() -> Database:
    """A temporary file, which `Database.close` takes away."""
    return _SqliteDatabase(tempfile.mkdtemp(prefix='wumai-', dir=_MEMORY))


class _SqliteDatabase(Database):
    def __init__(self, folder: str) -> None:
        self._folder = folder
        path = os.path.join(folder, 'wumai.db')
        shutil.copyfile(_template(), path)

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)

        super().__init__(URL.create('sqlite', database=path), connect, sqlite3.OperationalError)
        make_tables(self.url, Resource.metadata)

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)


_templates: list[str] = []


def _template() -> str:
    """A file with wumai's tables, made once in a process: copying it is faster than the DDL."""
    if not _templates:
        folder = tempfile.mkdtemp(prefix='wumai-template-', dir=_MEMORY)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = os.path.join(folder, 'template.db')
        with sqlite3.connect(path) as connection:
            connection.execute('PRAGMA journal_mode = WAL')
            connection.executescript(schema.ddl('sqlite'))
        connection.close()
        _templates.append(path)
    return _templates[0]


def server_database(text_url: str, suffix: str | None = None) -> Database:
    """A database beside the one that the URL names, called `<name>_wumai<suffix>`; by default
    processes that run side by side have one each.

    It is made anew at its first use in a process, and emptied at each other. Raises ConfigError
    if it holds tables that no test made, or cannot be used.
    """
    suffix = _suffix() if suffix is None else suffix
    url = _server_url(text_url)
    own = url.set(database=f'{url.database or "test"}_wumai{suffix}')
    engine = create_engine(own, poolclass=NullPool)
    try:
        _prepare(url, engine)
    except TRANSLATED as error:
        raise ConfigError(f'{own!r} cannot be used: {translate(error)}') from error
    dialect = engine.dialect
    args, kwargs = dialect.create_connect_args(own)
    kwargs.update(_LOCK_WAIT[own.get_backend_name()])
    driver: Any = dialect.loaded_dbapi
    return Database(own, lambda: driver.connect(*args, **kwargs), driver.OperationalError)


_prepared: set[URL] = set()
"""The databases that this process made."""
# Who holds a row lock cannot let go while another waits for it in real time.
_MYSQL_LOCK_WAIT = {'init_command': 'SET innodb_lock_wait_timeout = 1'}
_LOCK_WAIT = {
    'mysql': _MYSQL_LOCK_WAIT,
    'mariadb': _MYSQL_LOCK_WAIT,
    'postgresql': {'options': '-c lock_timeout=1000'},
}


def _server_url(text_url: str) -> URL:
    url = server_url(text_url)
    if url.get_backend_name() not in _LOCK_WAIT:
        raise ConfigError('it names a server; without it each test has an SQLite file of its own')
    return url


def _prepare(url: URL, engine: Engine) -> None:
    """The database there, with all tables and without rows."""
    if engine.url not in _prepared:
        _create_database(url, engine.url)
        _drop_tables(engine)
        _prepared.add(engine.url)
    with engine.begin() as connection:
        found = set(inspect(connection).get_table_names()) - {_MARKER}
        _empty(connection, found)
        for metadata in (schema.metadata, Resource.metadata):
            if not found.issuperset(metadata.tables):
                metadata.create_all(connection)


def _suffix() -> str:
    """What sets the database of this process apart from its siblings'."""
    worker = os.environ.get('PYTEST_XDIST_WORKER', '')
    child = multiprocessing.current_process().name.partition('-')[2]
    return ''.join(f'_{part}' for part in (worker, child) if part)


def _create_database(url: URL, own: URL) -> None:
    server = url if url.get_backend_name() == 'postgresql' else url.set(database='')
    engine = create_engine(server, poolclass=NullPool, isolation_level='AUTOCOMMIT')
    quoted = engine.dialect.identifier_preparer.quote_identifier(own.database or '')
    with engine.connect() as connection:
        if own.database not in inspect(connection).get_schema_names() and not _exists(
            connection, own
        ):
            connection.execute(text(f'CREATE DATABASE {quoted}'))


def _exists(connection: Any, own: URL) -> bool:
    if own.get_backend_name() != 'postgresql':
        return False
    query = text('SELECT 1 FROM pg_database WHERE datname = :name')
    return connection.execute(query, {'name': own.database}).first() is not None


def _drop_tables(engine: Engine) -> None:
    """Drop what an earlier run left: the app's models may have changed since."""
    found = MetaData()
    found.reflect(engine)
    if found.tables and _MARKER not in found.tables:
        raise ConfigError(
            f'the database {engine.url.database} has tables that no test of wumai made '
            f'({", ".join(sorted(found.tables)[:3])}): drop it, or name another'
        )
    with engine.begin() as connection:
        found.drop_all(connection)
        connection.execute(text(f'CREATE TABLE {_MARKER} (made INTEGER)'))


def _empty(connection: SqlConnection, names: set[str]) -> None:
    """Delete all rows, in whatever order the tables refer to each other."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    tables = sorted(map(quote, names))
    if connection.dialect.name == 'postgresql':
        statements = [f'TRUNCATE {", ".join(tables)}'] if tables else []
    else:
        statements = ['SET foreign_key_checks = 0', *(f'DELETE FROM {name}' for name in tables)]
    for statement in statements:
        connection.execute(text(statement))


def make_tables(url: URL, *tables: MetaData) -> None:
    """Make those of an app's own tables that are not there yet."""
    if any(metadata.tables for metadata in tables):
        engine = create_engine(url, poolclass=NullPool)
        for metadata in tables:
            metadata.create_all(engine)
