"""A store on each kind of database, and rows as wumai or another program would write them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url, text

from tests.mariadb import execute
from wumai.clock import SystemClock
from wumai.job import JobRow
from wumai.store import schema
from wumai.store.engine import ROLES, make_engine
from wumai.store.sql import SqlStore

SHARED = f'wumai_store_{os.getpid()}'
NOW = datetime(2026, 1, 1, 12, 0, 0)


@pytest.fixture
def opened() -> Iterator[Callable[[str], SqlStore]]:
    """Opens stores by URL, as a worker would, and closes them at the end."""
    stores = []

    def open_store(url: str) -> SqlStore:
        stores.append(SqlStore(make_engine(make_url(url), ROLES['worker'], SystemClock())))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def sqlite_url(tmp_path) -> str:
    """A new file."""
    return f'sqlite:///{tmp_path}/wumai.db'


@pytest.fixture(scope='session', params=['sqlite', 'sqlite, listened to', 'mysql', 'postgresql'])
def shared(request, tmp_path_factory) -> Iterator[SqlStore]:
    """A store with wumai's tables on each database that is here, made once: DDL is slow."""
    on_sqlite = request.param.startswith('sqlite')
    if on_sqlite:
        url = make_url(f'sqlite:///{tmp_path_factory.mktemp("store")}/wumai.db')
    else:
        server = request.getfixturevalue(f'{request.param}_url')
        execute(server, f'CREATE DATABASE {SHARED}')
        url = make_url(server).set(database=SHARED)
    store = made(SqlStore(make_engine(url, ROLES['worker'], SystemClock())))
    if request.param == 'sqlite, listened to':  # so that SQLAlchemy is needed for each statement
        event.listen(store.engine, 'before_cursor_execute', lambda *_: None)
    yield store
    store.close()
    if not on_sqlite:
        execute(server, f'DROP DATABASE {SHARED}')


@pytest.fixture
def store(shared) -> SqlStore:
    """A store of each kind, its tables empty."""
    with shared.engine.begin() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(table.delete())
    return SqlStore(shared.engine)


@pytest.fixture
def sqlite(sqlite_url, opened) -> SqlStore:
    """For what only SQLite lets into a table."""
    return made(opened(sqlite_url))


@pytest.fixture
def mysql(mysql_database, opened) -> SqlStore:
    """For what only MySQL has."""
    return made(opened(mysql_database))


def made(store: SqlStore) -> SqlStore:
    """`store`, with wumai's tables made in its database."""
    schema.metadata.create_all(store.engine)
    return store


def row(job_id: str = 'job-1', **values: Any) -> JobRow:
    """A pending row, due now, as `Job.create` would make it."""
    defaults = {
        'project_id': 'p',
        'action': 'Act',
        'status': 'pending',
        'error': None,
        'result': None,
        'params': '{}',
        'updated': NOW,
        'created': NOW,
        'run_at': NOW,
        'try_period': 600,
        'try_max': 3,
        'trys': 0,
    }
    return JobRow(id=job_id, **{**defaults, **values})


def put(store: SqlStore, *rows: JobRow) -> None:
    """Insert `rows`."""
    store.insert_jobs(rows)


def put_plain(store: SqlStore, **columns: Any) -> None:
    """Insert a row by plain SQL, as another program does: what is left out is NULL."""
    names = ', '.join(columns)
    values = ', '.join(f':{name}' for name in columns)
    with store.engine.begin() as connection:
        connection.execute(text(f'INSERT INTO job ({names}) VALUES ({values})'), columns)


def columns_of(store: SqlStore, job_id: str = 'job-1') -> dict[str, Any]:
    """The row as it is stored, without wumai's reading of it."""
    with store.engine.begin() as connection:
        found = connection.execute(text('SELECT * FROM job WHERE id = :id'), {'id': job_id}).one()
    return dict(found._mapping)


_READ_ONLY = {
    'sqlite': 'PRAGMA query_only = 1',
    'mysql': 'SET SESSION TRANSACTION READ ONLY',
    'postgresql': 'SET default_transaction_read_only = on',
}


@contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    """New connections refuse to write, as those to a replica do."""

    def refuse(connection: Any, _record: Any) -> None:
        connection.cursor().execute(_READ_ONLY[engine.dialect.name])
        connection.commit()

    engine.dispose()
    event.listen(engine, 'connect', refuse)
    try:
        yield
    finally:
        event.remove(engine, 'connect', refuse)
        engine.dispose()


def take(store: SqlStore, *ids: str, token: str = 'token', now: datetime = NOW) -> list[str]:
    """Claim `ids`; those that were taken."""
    return [claim.id for claim in store.claim(ids, len(ids), token, now).claims]
