"""What a claim costs in a large table, beside the same claim in a small one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import median
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import compare
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.store.base import Store
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai_testing.mariadb import MariaDB

SMALL, PICK, CLAIMS = 1000, 10, 15
CLEAN, PATIENCE = 100, 600.0
"""Pages that may be left to write after a table was filled, and the seconds that this may take."""

_tokens = count(1)


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def store_of(ground: Ground) -> Iterator[Store]:
    """As a worker has it."""
    settings = Config()
    settings.apply(DB_URL=ground.url)
    store = SqlStore(make_engine(database_url(settings), ROLES['worker'], SystemClock()))
    yield store
    store.close()


@pytest.fixture
def small_and_large(durable_mariadb: MariaDB) -> Iterator[tuple[Ground, Ground]]:
    """Two tables; the small one is filled."""
    for name in ('small', 'large'):
        durable_mariadb.execute(f'CREATE DATABASE claim_{name} CHARACTER SET utf8mb4')
    small, large = (Ground(durable_mariadb.database_url(f'claim_{n}')) for n in ('small', 'large'))
    small.fill(SMALL, past())
    yield small, large
    for name in ('small', 'large'):
        durable_mariadb.execute(f'DROP DATABASE claim_{name}')


def past() -> datetime:
    return utc_now().replace(microsecond=0) - timedelta(minutes=1)


def settle(server: MariaDB) -> None:
    """Let the server write what it has in memory only, so that it does not during the claims."""
    server.execute('SET GLOBAL innodb_max_dirty_pages_pct = 0')
    deadline = time.monotonic() + PATIENCE
    while int(server.execute("SHOW STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")[0][1]) > CLEAN:
        assert time.monotonic() < deadline, 'the server does not come to rest'
        time.sleep(0.5)
    server.execute('SET GLOBAL innodb_max_dirty_pages_pct = 90')


def claim(store: Store) -> float:
    """Milliseconds to read what is due and take it; the median of some."""
    times = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        candidates = store.candidates(utc_now(), PICK)
        claimed = store.claim([c.id for c in candidates], PICK, f'token {next(_tokens)}', utc_now())
        times.append((time.perf_counter() - began) * 1000)
        assert len(claimed.claims) == PICK
    return median(times)


@pytest.mark.timeout(600)
@pytest.mark.parametrize('status', ['pending', 'finished'])
def test_claim(
    benchmark: Any,
    durable_mariadb: MariaDB,
    small_and_large: tuple[Ground, Ground],
    pytestconfig: pytest.Config,
    status: str,
) -> None:
    """A claim of ten among many pending rows, or beside many finished ones."""
    rows = pytestconfig.getoption('--claim-rows', 1_000_000)
    small, large = small_and_large
    large.fill(rows, past(), status)
    if status == 'finished':
        large.fill(SMALL, past())
    settle(durable_mariadb)
    beside = f'{SMALL:,} pending beside ' if status == 'finished' else ''
    with store_of(small) as few, store_of(large) as many:
        for store in (few, many):
            claim(store)
        compare(
            benchmark,
            lambda: claim(many),
            lambda: claim(few),
            rounds=4,
            what=f'claim of {PICK}, MariaDB, {beside}{rows:,} {status}',
            against=f'the same, {SMALL:,} pending alone',
            unit='ms',
            aim=1.3,
            more=False,
            plot='claim in a large table',
        )
