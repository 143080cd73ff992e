"""How soon a job begins after it was created, and what looking for it costs the server."""

import os
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.latency import latencies
from tests.benchmarks.measure import compare, record
from tests.benchmarks.reference import now
from tests.chaos.fleet import Fleet
from tests.redis import redis_running
from wumai_testing.mariadb import MariaDB

JOBS, PAUSE, ROUNDS = 40, 0.05, 5
IDLE, BUSY = 10.0, 5.0
"""Seconds for which queries are counted."""


@pytest.fixture
def mariadb(durable_mariadb: MariaDB) -> Iterator[Ground]:
    durable_mariadb.execute('CREATE DATABASE latency CHARACTER SET utf8mb4')
    yield Ground(durable_mariadb.database_url('latency'))
    durable_mariadb.execute('DROP DATABASE latency')


def measure(
    benchmark: Any,
    folder: Path,
    url: str,
    *here: str,
    what: str,
    goal: float | None = None,
    redis: Mapping[str, str] | None = None,
    pause: float = PAUSE,
    jobs: int = JOBS,
) -> None:
    """Rounds of jobs; the figure is the p50 of each round, beside it the p99 of all."""
    rounds: list[list[float]] = []
    environ = {**os.environ, 'DB_URL': url, **(redis or {})}
    with Fleet(folder, {}, redis) as fleet:
        if not here:
            fleet.started(url, 1)
        benchmark.pedantic(
            lambda: rounds.append(latencies(folder, environ, jobs, pause, *here)), rounds=ROUNDS
        )
    together = sorted(chain.from_iterable(rounds))
    p99 = together[len(together) * 99 // 100]
    record(
        benchmark,
        [median(one) for one in rounds],
        [p99] * ROUNDS,
        what=f'begin of a job, p50, {what}',
        against='its p99',
        unit='ms',
        goal=goal,
        more=False,
        plot='from commit to begin',
    )


def test_one_process(benchmark: Any, tmp_path: Path, mariadb: Ground) -> None:
    """The worker runs where the job is created."""
    measure(benchmark, tmp_path, mariadb.url, 'here', what='one process, MariaDB', goal=2)


def test_redis(benchmark: Any, tmp_path: Path, mariadb: Ground) -> None:
    with redis_running(tmp_path) as server:
        measure(
            benchmark,
            tmp_path,
            mariadb.url,
            what='another process, MariaDB and Redis',
            goal=5,
            redis=server.settings,
        )


def test_postgresql(benchmark: Any, tmp_path: Path, postgresql_database: str) -> None:
    ground = Ground(postgresql_database)
    measure(benchmark, tmp_path, ground.url, what='another process, PostgreSQL', goal=5)


@pytest.mark.parametrize(('pause', 'jobs'), [(PAUSE, JOBS), (1.0, 8)])
def test_mariadb_alone(
    benchmark: Any, tmp_path: Path, mariadb: Ground, pause: float, jobs: int
) -> None:
    """Found by polling."""
    what = f'another process, MariaDB alone, a job each {pause:g} s'
    measure(benchmark, tmp_path, mariadb.url, what=what, pause=pause, jobs=jobs)


def queries(server: MariaDB, seconds: float) -> float:
    """Queries a second that the server answers from now on, ours aside."""
    before = _questions(server)
    time.sleep(seconds)
    return (_questions(server) - before - 1) / seconds


def _questions(server: MariaDB) -> int:
    return int(server.execute("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])


def test_queries_of_a_worker_alone(
    benchmark: Any, tmp_path: Path, durable_mariadb: MariaDB, mariadb: Ground
) -> None:
    """A worker that has just had a job, beside one that is idle for long: what polling costs."""
    with Fleet(tmp_path, {}) as fleet:
        fleet.started(mariadb.url, 1)
        idle = [queries(durable_mariadb, IDLE)]

        def busy() -> float:
            mariadb.fill(1, now())
            time.sleep(2.5)
            mariadb.empty()
            return queries(durable_mariadb, BUSY)

        compare(
            benchmark,
            busy,
            lambda: idle[0],
            rounds=3,
            what='queries of a worker, 5 s after a job',
            against='a worker that is idle',
            unit='queries/s',
            more=False,
        )
