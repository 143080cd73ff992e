"""What became of one scenario file."""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wumai.error import WumaiError
from wumai_testing.databases import Database
from wumai_testing.duration import format_duration
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.reader import load
from wumai_testing.scenario.runner import Runner, ScenarioFailure
from wumai_testing.scenario.world import simulated_world
from wumai_testing.timeline import Timeline

PASSED: Final = 'passed'
FAILED: Final = 'failed'
SKIPPED: Final = 'skipped'


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a file."""

    path: Path
    name: str
    status: str
    seconds: float = 0.0
    """Real ones."""
    virtual: str = ''
    """How much virtual time passed."""
    message: str = ''
    """Why it failed or was skipped."""
    timeline: Timeline | None = None
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """How each job that has a name stood at the end of a run that passed."""


def run_simulated(path: Path, database: Database | None = None) -> Outcome:
    """Run a file in virtual time, whatever it holds."""
    began = time.perf_counter()
    try:
        scenario = load(path)
        with simulated_world(scenario, database) as world:
            status, message = PASSED, ''
            jobs: Mapping[str, Mapping[str, Any]] = {}
            try:
                runner = Runner(scenario, world)
                runner.run()
                jobs = runner.endings()
            except ScenarioFailure as failure:
                status, message = FAILED, str(failure)
            virtual = format_duration(round(world.sim.clock.monotonic(), 3))
        seconds = time.perf_counter() - began
        timeline = world.sim.timeline
        return Outcome(path, scenario.name, status, seconds, virtual, message, timeline, jobs)
    except Exception as error:  # of the file, or of the app when it is imported
        seconds = time.perf_counter() - began
        return Outcome(path, path.stem, FAILED, seconds, message=told(error))


def told(error: Exception) -> str:
    """What a user can do something about by its text alone, anything else with its traceback."""
    if isinstance(error, WumaiError | ScenarioError | AssertionError):
        return str(error)
    return ''.join(traceback.format_exception(error))
