"""How fast workers drain a table of jobs that return their params, beside a loop by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import compare
from tests.benchmarks.reference import connect_mysql, connect_sqlite, drain_mysql, drain_sqlite
from tests.chaos.fleet import Fleet

JOBS = {'mysql': 12_000, 'sqlite': 24_000}
"""So many that the moment until all workers have begun counts for little."""
NAMES = {'mysql': 'MariaDB', 'sqlite': 'SQLite'}
AIMS = {('mysql', 1, 10): 0.6, ('mysql', 1, 50): 0.7, ('mysql', 4, 10): 1, ('mysql', 4, 50): 1}
AIMS |= {('sqlite', 1, 10): 0.5, ('sqlite', 1, 50): 0.5}
"""The ratio asked for, by kind of database, processes and size."""


def by_hand(ground: Ground, count: int, size: int) -> float:
    """Jobs a second of the reference."""
    ground.fill_for_later(count)
    if ground.kind == 'mysql':
        with connect_mysql(ground.url) as connection:
            seconds = drain_mysql(connection, size)
    else:
        seconds = drain_sqlite(connect_sqlite(ground.url), size)
    assert ground.count('finished') == count
    return count / seconds


def by_workers(ground: Ground, count: int) -> float:
    """Jobs a second of the workers that run."""
    ground.fill_for_later(count)
    seconds = ground.await_drained()
    assert ground.count('finished') == count
    return count / seconds


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ('size', 'processes'), [(10, 1), (10, 2), (10, 4), (10, 8), (50, 1), (50, 4)]
)
def test_drain(
    benchmark: Any, grounds: tuple[Ground, Ground], tmp_path: Path, size: int, processes: int
) -> None:
    """`processes` workers with pick_size and exec_size `size`, beside one loop by hand."""
    ours, theirs = grounds
    if ours.kind == 'sqlite' and processes in (2, 8):
        pytest.skip('SQLite has one writer at a time: no curve')
    count = JOBS[ours.kind]
    with Fleet(tmp_path, {'pick_size': size, 'exec_size': size}) as fleet:
        fleet.started(ours.url, processes)
        by_workers(ours, count // 4)  # what is made once has been made
        compare(
            benchmark,
            lambda: by_workers(ours, count),
            lambda: by_hand(theirs, count, size),
            what=f'drain, {NAMES[ours.kind]}, {size}/{size}, processes: {processes}',
            against='a loop by hand, one process',
            unit='jobs/s',
            aim=AIMS.get((ours.kind, processes, size)),
            plot=f'drain on {NAMES[ours.kind]}',
        )
