"""The emulated MySQL answers like the real one to the store's own statements.

Two sessions on each side hold transactions open while the other works. A lock that is not free
is 1205 at once on both sides (innodb_lock_wait_timeout is 0), so that nothing takes time.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pymysql
import pytest
from sqlalchemy import NullPool, QueuePool, create_engine, make_url, text

from wumai.clock import SystemClock
from wumai.job import Expired, JobRow, Outcome
from wumai.store import schema
from wumai.store.db_errors import StoreError
from wumai.store.engine import ROLES, make_engine
from wumai.store.sql import SqlStore
from wumai_testing.explore.mysql import EmulatedConnection, Server

NOW = datetime(2026, 1, 1, 12)
IDS = [f'job-{number}' for number in range(5)]
TOKENS = ['{"worker": "a", "nonce": "1"}', '{"worker": "b", "nonce": "2"}']
FILLERS = 60
SEEDS = int(os.environ.get('WUMAI_DIFFERENTIAL_SEEDS', '3'))


class Held:
    """A session whose transaction ends only when the test says so."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def commit(self) -> None:
        """Not now."""

    rollback = close = commit

    def end(self, how: str) -> None:
        getattr(self._real, how)()


class Side:
    """Two sessions of one database, real or emulated."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.held: list[Held] = []
        self.stores = [self._store(connect) for _ in range(2)]

    def _store(self, connect: Callable[[], Any]) -> SqlStore:
        held = Held(connect())
        self.held.append(held)
        url = make_url('mysql+pymysql://user@host/database')
        engine = make_engine(
            url, ROLES['worker'], SystemClock(), creator=lambda: held, poolclass=QueuePool
        )
        store = SqlStore(engine)
        store.problems(['job'])
        store.limits.bytes_of('error')
        with suppress(StoreError):
            store.claim([], 1, TOKENS[0], NOW)  # asks whether the server knows SKIP LOCKED
        held.end('rollback')
        return store

    def close(self) -> None:
        for held in self.held:
            held.end('close')


@pytest.fixture(scope='module')
def real_url(mysql_url: str) -> Iterator[str]:
    name = 'wumai_differential'
    engine = create_engine(mysql_url, poolclass=NullPool, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS {name}'))
        connection.execute(text(f'CREATE DATABASE {name} CHARACTER SET utf8mb4'))
    own = make_url(mysql_url).set(database=name)
    schema.metadata.create_all(create_engine(own, poolclass=NullPool))
    yield own.render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE {name}'))


@pytest.fixture
def sides(real_url: str) -> Iterator[tuple[Side, Side]]:
    engine = create_engine(real_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text('DELETE FROM job'))
    args, kwargs = engine.dialect.create_connect_args(make_url(real_url))
    settings = {**kwargs, 'init_command': 'SET SESSION innodb_lock_wait_timeout = 1'}
    server = Server(schema.metadata.tables.values(), lambda: NOW, lock_wait=0)
    both = (
        Side(lambda: pymysql.connect(*args, **settings)),
        Side(lambda: EmulatedConnection(server)),
    )
    for side in both:
        side.stores[0].insert_jobs([filler(number) for number in range(FILLERS)])
        side.held[0].end('commit')
    yield both
    for side in both:
        side.close()
    server.close()


def filler(number: int) -> JobRow:
    # So many that the optimizer takes the primary key as it does in a table of any size.
    return a_job(f'zzz-{number:03}', run_at=NOW + timedelta(days=1))


def a_job(job_id: str, **columns: Any) -> JobRow:
    values = {
        'project_id': None, 'action': 'Act', 'status': 'pending', 'error': None, 'result': None,
        'params': '{}', 'updated': NOW, 'created': NOW, 'run_at': NOW, 'try_period': 10,
        'try_max': 3, 'trys': 0,
    }  # fmt: skip
    return JobRow(id=job_id, **{**values, **columns})


Step = tuple[str, Callable[[SqlStore], Any]]


def draw(chance: random.Random) -> Step:
    """One call of a store."""
    ids = sorted(chance.sample(IDS, chance.randint(1, 4)))
    token = chance.choice(TOKENS)
    now = NOW + timedelta(seconds=chance.randint(0, 5), microseconds=chance.choice([0, 500_000]))
    limit = chance.randint(1, 4)
    row = a_job(
        chance.choice(IDS),
        run_at=chance.choice([None, NOW, now]),
        trys=chance.choice([0, 3, None]),
        status=chance.choice(['pending', 'PENDING']),
    )
    outcomes = [
        Outcome(
            job_id,
            token,
            chance.choice(['pending', 'finished', 'error']),
            error=chance.choice([None, 'boom', 'x' * 70_000, 'é' * 20_000]),
            run_at=chance.choice([None, now]),
            uncount=chance.random() < 0.3,
        )
        for job_id in ids
    ]
    expired = Expired(ids[0], chance.choice([token, None]), NOW, 'Act', 3, chance.randint(1, 3))
    steps: list[Step] = [
        ('insert', lambda store: store.insert_jobs([row])),
        ('candidates', lambda store: store.candidates(now, 100)),
        ('claim', lambda store: store.claim(ids, limit, token, now)),
        ('claim', lambda store: store.claim(ids, limit, token, now)),
        ('write', lambda store: store.write(outcomes, now)),
        ('written', lambda store: store.written(outcomes)),
        ('renew', lambda store: store.renew([(one, token) for one in ids], now)),
        ('held', lambda store: store.held(ids, token)),
        ('expired', lambda store: store.expired(now, 100)),
        ('rescue', lambda store: store.rescue(expired, now, now)),
        ('cancel', lambda store: store.cancel(ids[0], now)),
        ('retry', lambda store: store.retry(ids[0], now)),
        ('get', lambda store: store.get_job(ids[0])),
    ]
    name, call = chance.choice(steps)
    return f'{name} {ids} {limit} {row.id}', call


def outcome_of(call: Callable[[SqlStore], Any], store: SqlStore) -> Any:
    try:
        result = call(store)
    except StoreError as error:
        return type(error).__name__, error.__cause__.orig.args[0]  # type: ignore[union-attr]
    return result


@pytest.mark.parametrize('seed', range(SEEDS))
def test_the_same_statements_have_the_same_results(sides: tuple[Side, Side], seed: int) -> None:
    chance = random.Random(seed)
    real, emulated = sides
    told: list[str] = []
    for number in range(120):
        session = chance.randrange(2)
        if chance.random() < 0.35:
            how = chance.choice(['commit', 'commit', 'rollback'])
            told.append(f'{number}: {session} {how}')
            for side in sides:
                side.held[session].end(how)
            continue
        name, call = draw(chance)
        expected = outcome_of(call, real.stores[session])
        found = outcome_of(call, emulated.stores[session])
        told.append(f'{number}: {session} {name} -> {expected!r:.200}')
        assert found == expected, '\n'.join(told[-25:])
        if isinstance(expected, tuple) and expected[0] in ('Busy', 'Rejected'):
            for side in sides:  # as the store's users do after any error
                side.held[session].end('rollback')
