"""One file, three ways to run it, one outcome: virtual time on SQLite and on MariaDB, real time."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wumai_testing.databases import server_database
from wumai_testing.scenario.live import LiveRun
from wumai_testing.scenario.outcome import PASSED, Outcome, run_simulated

ROOT = Path(__file__).parents[2] / 'scenarios'
ALL = sorted(str(path.relative_to(ROOT).with_suffix('')) for path in ROOT.rglob('*.yaml'))
LIVE = [
    line for line in Path(__file__).with_name('live.txt').read_text().split('\n') if '/' in line
]
PLACES = 6
"""How many run at a time: they wait most of the time."""


def _path(name: str) -> Path:
    return ROOT / f'{name}.yaml'


def _differences(found: Outcome, wanted: Outcome) -> Iterator[str]:
    if found.status != PASSED:
        yield f'{found.path}: {found.status}: {found.message}'
    elif _ends(found) != _ends(wanted):
        yield f'{found.path}: {_ends(found)} is not {_ends(wanted)}'


def _ends(outcome: Outcome) -> str:
    """How the jobs ended, but for tracebacks, ids that were drawn and times that were measured."""
    rows = {
        name: {**row, 'error': (row['error'] or '').partition('\n')[0]}
        for name, row in outcome.jobs.items()
    }
    return re.sub(r'job-\w{20,}|\d+\.\d+', '...', str(rows))


@pytest.mark.parametrize('name', ALL)
def test_mariadb_makes_no_difference(name: str, mysql_url: str) -> None:
    """A scenario passes on a real server too, and leaves its jobs as they are on SQLite."""
    server = run_simulated(_path(name), server_database(mysql_url, f'_ways_{os.getpid()}'))
    assert not list(_differences(server, run_simulated(_path(name))))


@pytest.mark.timeout(300)
@pytest.mark.usefixtures('mysql_url')  # the same wish: a MariaDB, or to be skipped
def test_real_time_makes_no_difference() -> None:
    """Real processes, a real API and a real server leave the jobs as a simulation does."""
    with LiveRun(processes=PLACES) as run:
        outcomes = list(run.run([_path(name) for name in LIVE]))
    assert len(outcomes) == len(LIVE) >= 25
    differences = [line for one in outcomes for line in _differences(one, run_simulated(one.path))]
    assert not differences, '\n'.join(differences)
