"""The pytest entry point. Imports nothing of ours when it is loaded: coverage starts after it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wumai_testing.client import Client
    from wumai_testing.clock import VirtualTime
    from wumai_testing.jobs import Jobs
    from wumai_testing.scenario.collect import ScenarioFile
    from wumai_testing.simulation import Simulation


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup('wumai')
    group.addoption(
        '--wumai-database',
        metavar='URL',
        help='run simulations on this server, such as mysql+pymysql://root@127.0.0.1/test, '
        'in a database of their own beside the one named (default: a temporary SQLite file)',
    )
    parser.addini(
        'wumai_patch', 'patch gevent in when pytest starts, for apps that use threads', 'bool'
    )
    parser.addini('wumai_artifacts', 'folder for the timelines of failed tests', default='')


def pytest_configure(config: pytest.Config) -> None:
    if config.getini('wumai_patch'):
        from gevent import monkey

        monkey.patch_all()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> 'ScenarioFile | None':
    if file_path.suffix != '.yaml' or 'scenarios' not in file_path.parts:
        return None
    try:
        from wumai_testing.scenario.collect import collect
    except ModuleNotFoundError:  # without the extra, as without us
        return None
    return collect(file_path, parent)


@pytest.fixture
def wumai_sim(request: pytest.FixtureRequest) -> 'Iterator[Simulation]':
    """The production api and worker in virtual time; see wumai_testing.simulation.Simulation."""
    __tracebackhide__ = True
    try:
        from wumai_testing.fixtures import simulated
    except ModuleNotFoundError as error:
        pytest.fail(f"wumai_sim needs {error.name}: pip install 'wumai[testing]'", pytrace=False)
    yield from simulated(request)


@pytest.fixture
def wumai_clock(wumai_sim: 'Simulation') -> 'VirtualTime':
    """The virtual clock of `wumai_sim`."""
    return wumai_sim.clock


@pytest.fixture
def wumai_jobs(wumai_sim: 'Simulation') -> 'Jobs':
    """The jobs of `wumai_sim` by id."""
    return wumai_sim.jobs


@pytest.fixture
def wumai_client(wumai_sim: 'Simulation') -> 'Client':
    """The action client of `wumai_sim`."""
    return wumai_sim.client


@pytest.fixture
def wumai_notifications(wumai_sim: 'Simulation') -> dict[str, Any]:
    """The captured channels of `wumai_sim`: slack and sms."""
    return {'slack': wumai_sim.slack, 'sms': wumai_sim.sms}


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    jobs = sys.modules.get('wumai_testing.jobs')
    if op == '==' and jobs is not None and isinstance(left, jobs.Tries):
        return list(left.compared(right))
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    sim = getattr(item, 'funcargs', {}).get('wumai_sim')
    if sim is not None and report.failed:
        from wumai_testing.fixtures import add_timeline

        add_timeline(item, report, sim)
    return report
