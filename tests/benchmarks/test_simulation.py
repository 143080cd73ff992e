"""How fast virtual time is: tries a second, and what a test pays for the fixture."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import freezegun

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import compare
from tests.benchmarks.reference import connect_sqlite, drain_sqlite
from wumai.model import Job
from wumai_testing.simulation import simulation

JOBS = 3000
JOB_ROUTES = {'Echo': lambda job: job.params}


def simulated_tries() -> float:
    """Tries a second of a worker in virtual time."""
    with simulation() as sim:
        sim.route(None, JOB_ROUTES)
        Job.create_many({'action': 'Echo', 'params': {'n': n}} for n in range(JOBS))
        began = time.perf_counter()
        sim.run_until_idle()
        seconds = time.perf_counter() - began
        assert len(Job.list(status='finished', limit=JOBS + 1)) == JOBS
    return JOBS / seconds


def tries_by_hand(ground: Ground) -> float:
    """Jobs a second of the loop on SQLite, in real time."""
    ground.empty()
    ground.fill(JOBS, datetime.now(UTC).replace(microsecond=0, tzinfo=None))
    return JOBS / drain_sqlite(connect_sqlite(ground.url), 10)


def test_tries(benchmark: Any, tmp_path: Path) -> None:
    """All of a worker, its checks included, without the waiting."""
    ground = Ground(f'sqlite:///{tmp_path}/theirs.db')
    compare(
        benchmark,
        simulated_tries,
        lambda: tries_by_hand(ground),
        what='tries in virtual time, SQLite',
        against='a loop by hand in real time, 10/10',
        unit='tries/s',
        goal=5000,
    )


def simulating() -> float:
    """Milliseconds to set up and tear down a simulation with a worker."""
    began = time.perf_counter()
    with simulation() as sim:
        sim.route(None, JOB_ROUTES)
    return (time.perf_counter() - began) * 1000


def freezing() -> float:
    """Milliseconds that freezegun's own scan of the modules takes."""
    began = time.perf_counter()
    with freezegun.freeze_time('2026-01-01'):
        pass
    return (time.perf_counter() - began) * 1000


def test_set_up(benchmark: Any) -> None:
    """Set up and torn down, less what freezegun takes for itself."""
    for _ in range(3):
        simulating()
    compare(
        benchmark,
        lambda: simulating() - freezing(),
        freezing,
        rounds=15,
        what='wumai_sim with a worker set up and torn down, without freezegun',
        against="freezegun's scan",
        unit='ms',
        more=False,
        goal=10,
    )
