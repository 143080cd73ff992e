"""Scenario files as tests of pytest: one file, one test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wumai_testing.fixtures import database_of, save_timeline
from wumai_testing.scenario.detect import is_scenario_file
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.reader import load
from wumai_testing.scenario.runner import Runner, ScenarioFailure
from wumai_testing.scenario.world import simulated_world


def collect(path: Path, parent: pytest.Collector) -> 'ScenarioFile | None':
    """The collector of a scenario file, None for anyone else's YAML."""
    return ScenarioFile.from_parent(parent, path=path) if is_scenario_file(path) else None


class ScenarioFile(pytest.File):
    """A file with one scenario."""

    def collect(self) -> Iterator['ScenarioItem']:
        yield ScenarioItem.from_parent(self, name=self.path.stem)


class ScenarioItem(pytest.Item):
    """The run of a scenario in virtual time."""

    def runtest(self) -> None:
        scenario = load(self.path)
        with simulated_world(scenario, database_of(self.config)) as world:
            try:
                Runner(scenario, world).run()
            except ScenarioFailure:
                if path := save_timeline(self, world.sim.timeline):
                    self.add_report_section('call', 'wumai timeline', f'saved as {path}')
                raise

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioFailure | ScenarioError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f'scenario: {self.path.stem}'
