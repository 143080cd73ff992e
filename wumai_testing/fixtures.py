"""What the pytest plugin does once a fixture is asked for."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wumai.error import ConfigError
from wumai_testing.databases import Database, server_database
from wumai_testing.simulation import CHANNELS, Simulation, simulation
from wumai_testing.timeline import Timeline


def simulated(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """The fixture `wumai_sim`: a simulation from before the test to after it."""
    __tracebackhide__ = True
    with simulation(database_of(request.config), _environ()) as sim:
        yield sim
        sim.slack.verify()
        sim.sms.verify()


def database_of(config: pytest.Config) -> Database | None:
    """The database that the options ask for; None is a temporary SQLite file."""
    url = config.getoption('--wumai-database')
    if not url:
        return None
    try:
        return server_database(url)
    except ConfigError as error:
        pytest.fail(f'--wumai-database: {error}', pytrace=False)


def _environ() -> dict[str, str]:
    """The environment, but not its database; with both channels where it sets none of them."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith('DB_')}
    if not any(environ.get(name) for name in (*CHANNELS, 'NOTIFY_SMS_UR')):
        environ |= CHANNELS
    return environ


def add_timeline(item: pytest.Item, report: pytest.TestReport, sim: Simulation) -> None:
    """Show the end of the timeline with a failure, and save the whole of it."""
    text = sim.timeline.text(last=60)
    if sim.database.lacks_table:
        text += "\nhint: wumai_sim.make_tables(Base.metadata) makes tables that are no Resource's"
    if path := save_timeline(item, sim.timeline):
        text += f'\nsaved as {path}'
    report.sections.append(('wumai timeline', text))


def save_timeline(item: pytest.Item, timeline: Timeline) -> Path | None:
    """Write its page into the folder that the option `wumai_artifacts` names, if it does."""
    folder = item.config.getini('wumai_artifacts')
    if not folder:
        return None
    path = Path(item.config.rootpath, folder, re.sub(r'[^\w.-]+', '_', item.nodeid) + '.html')
    path.parent.mkdir(parents=True, exist_ok=True)
    timeline.save(path, title=item.nodeid)
    return path
