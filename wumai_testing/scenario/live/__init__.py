"""Scenarios in real time: real processes, real HTTP, a real database."""

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from wumai.error import ConfigError, WumaiError
from wumai_testing.duration import format_duration
from wumai_testing.mariadb import MariaDB
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.live.children import Nursery, child_environ
from wumai_testing.scenario.live.database import (
    SQLITE,
    Databases,
    Outages,
    databases,
)
from wumai_testing.scenario.live.fitness import Unfit, reason_against, takes_no_time
from wumai_testing.scenario.live.process import Spec
from wumai_testing.scenario.live.world import LiveWorld, Place, live_world
from wumai_testing.scenario.model import Scenario
from wumai_testing.scenario.outcome import FAILED, PASSED, SKIPPED, Outcome, told
from wumai_testing.scenario.reader import load
from wumai_testing.scenario.runner import Runner, ScenarioFailure

LIMIT = 30.0
"""Virtual seconds that a scenario may take to be run in real time."""
PROCESSES = 4
"""How many run at a time: most of the time they wait."""
_MEASURE_SECONDS = 60.0


class LiveRun:
    """Runs files, several at a time. A context manager: nothing is left behind at its end."""

    def __init__(
        self, database: str | None = None, processes: int = PROCESSES, limit: float = LIMIT
    ) -> None:
        """`database` is None for a private MariaDB, `sqlite`, or the URL of a server."""
        if database is None and not MariaDB.available():
            raise ConfigError(
                'no MariaDB is installed here to be stopped and started: apt-get install '
                f'mariadb-server, or give a server by --database URL, or --database {SQLITE}'
            )
        self.limit = limit
        self._has_server = database is None
        self._places = [databases(database) for _ in range(processes)]
        self._free = list(self._places)
        self._stop = threading.Event()
        self._nursery = Nursery()
        self._folder = Path(tempfile.mkdtemp(prefix='wumai-live-'))
        self._pool = ThreadPoolExecutor(processes, 'live')
        self._measuring = ThreadPoolExecutor(1, 'measuring')

    def run(self, paths: Sequence[Path]) -> Iterator[Outcome]:
        """The outcomes in the order in which the files end."""
        waiting: set[Future[Outcome | _Fit]] = {
            self._measuring.submit(self._measure, path) for path in paths
        }
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in (future.result() for future in done):
                if isinstance(one, Outcome):
                    yield one
                else:
                    waiting.add(self._pool.submit(self._run, one.scenario))

    def _measure(self, path: Path) -> 'Outcome | _Fit':
        """Whether it can run, and an outcome if it cannot."""
        try:
            scenario = load(path)
        except ScenarioError as error:
            return Outcome(path, path.stem, FAILED, message=str(error))
        try:
            reason = reason_against(scenario, self._has_server) or self._too_long(scenario)
        except Exception as error:
            return Outcome(path, scenario.name, FAILED, message=told(error))
        if reason:
            return Outcome(path, scenario.name, SKIPPED, message=reason)
        return _Fit(scenario)

    def _too_long(self, scenario: Scenario) -> str | None:
        """Why it takes too long, by the time that it takes in a simulation."""
        assert scenario.path
        if takes_no_time(scenario):
            return None
        path, folder = scenario.path.absolute(), self._new_folder()
        environ = child_environ({})
        spec = Spec('measure', 'measure', 'measure', str(path), str(folder), environ)
        child = self._nursery.start(spec)
        if not child.wait(_MEASURE_SECONDS):
            child.end()
            raise WumaiError(f'its simulation does not end: {spec.written()}')
        if not spec.measure.exists():
            raise WumaiError(f'its simulation left with code {child.code}: {spec.written()}')
        seconds, problem = json.loads(spec.measure.read_text())
        shutil.rmtree(folder)
        if seconds is None:
            raise WumaiError(problem)
        if seconds <= self.limit:
            return None
        took, limit = format_duration(round(seconds)), format_duration(self.limit)
        return f'it takes {took}, and the limit in real time is {limit}'

    def _run(self, scenario: Scenario) -> Outcome:
        assert scenario.path
        began = time.perf_counter()
        found = self._free.pop()
        try:
            return self._run_in(scenario, found, began)
        except Exception as error:
            seconds = time.perf_counter() - began
            return Outcome(scenario.path, scenario.name, FAILED, seconds, message=told(error))
        finally:
            self._free.append(found)

    def _run_in(self, scenario: Scenario, found: Databases, began: float) -> Outcome:
        assert scenario.path
        folder = self._new_folder()
        url = found.fresh(folder)
        outages = Outages(found.server) if found.server else None
        place = Place(self._nursery, folder, url, outages, self._stop)
        try:
            with live_world(scenario, place) as world:
                status, message, jobs = _played(scenario, world)
                timeline = None if status == SKIPPED else world.timeline()
        finally:
            if outages:
                outages.close()
        shutil.rmtree(folder)
        seconds = time.perf_counter() - began
        return Outcome(scenario.path, scenario.name, status, seconds, '', message, timeline, jobs)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        """End what runs, and take everything away."""
        self._stop.set()
        self._nursery.close()
        for pool in (self._measuring, self._pool):
            pool.shutdown(cancel_futures=True)
        for place in self._places:
            place.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Fit:
    """A scenario that can run in real time."""

    scenario: Scenario


def _played(scenario: Scenario, world: LiveWorld) -> tuple[str, str, dict[str, dict[str, object]]]:
    """Its status, a message, and how its jobs ended."""
    runner = Runner(scenario, world)
    try:
        runner.run()
        return PASSED, '', runner.endings()
    except ScenarioFailure as failure:
        if isinstance(failure.__cause__, Unfit):
            return SKIPPED, str(failure.__cause__), {}
        return FAILED, str(failure), {}
