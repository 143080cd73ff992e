"""Where a scenario runs: what its steps ask of a simulation, or of real processes."""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy.orm import Session

from wumai.clock import ceil_second, floor_second
from wumai.entropy import Entropy
from wumai.job import DEFAULT_TRY_MAX, DEFAULT_TRY_PERIOD, PENDING, JobRow
from wumai.model import Job
from wumai.model.resource import Resource
from wumai_testing.client import Reply
from wumai_testing.databases import Database
from wumai_testing.explore.application import Check, broken_invariant, invariants_of, metadata_of
from wumai_testing.jobs import tries_of
from wumai_testing.scenario.errors import Problem, ScenarioError
from wumai_testing.scenario.model import ChannelFault, DatabaseFault, JobStep, Offset, Scenario
from wumai_testing.scenario.values import ABSENT, resolve
from wumai_testing.simulation import Simulation, simulation


class World(Protocol):
    """What a runner needs."""

    @property
    def lateness(self) -> float:
        """Seconds that a try may begin after it is due."""

    def settle(self, check: Callable[[], list[str]]) -> list[str]:
        """What `check` finds wrong, at last: where time is real, what is late may come."""

    def send(self, body: bytes, headers: Mapping[str, str], *, method: str, path: str) -> Reply:
        """One request to the api."""

    def create_job(self, step: JobStep, names: Mapping[str, Any]) -> str:
        """Insert a row; its id."""

    def cancel(self, job_id: str) -> bool:
        """As Job.cancel."""

    def retry(self, job_id: str) -> bool:
        """As Job.retry."""

    def advance(self, seconds: float) -> None: ...
    def run_until_idle(self, within: float | None) -> None: ...
    def crash(self, worker: str) -> None: ...
    def stall(self, worker: str, seconds: float) -> None: ...
    def stop(self, worker: str) -> None: ...
    def start(self, worker: str) -> None: ...
    def fail_database(self, fault: DatabaseFault) -> None: ...
    def fail_channel(self, fault: ChannelFault) -> None: ...

    def job(self, job_id: str) -> Any:
        """The columns of a row, or ABSENT."""

    def runs(self, job_id: str) -> list[float]:
        """The starts of its tries, seconds from the start of the scenario."""

    def messages(self, channel: str) -> list[str]: ...
    def operations(self) -> list[dict[str, Any]]: ...

    def running(self) -> int:
        """How many rows run."""

    def history(self) -> str:
        """What happened up to now, for a person."""


class SimulatedWorld:
    """A World in virtual time."""

    def __init__(self, sim: Simulation, invariants: Sequence[Check] = ()) -> None:
        self.sim = sim
        self._invariants = invariants
        self._observer = sim.database.observer() if invariants else None

    @property
    def lateness(self) -> float:
        return self.sim.lateness

    def settle(self, check: Callable[[], list[str]]) -> list[str]:
        return check()

    def send(self, body: bytes, headers: Mapping[str, str], *, method: str, path: str) -> Reply:
        return self.sim.client.send(body, headers, method=method, path=path)

    def create_job(self, step: JobStep, names: Mapping[str, Any]) -> str:
        runtime = self.sim.runtime
        row = new_row(runtime.clock.now(), runtime.entropy, step, names)
        self.sim.runtime.store.insert_jobs([row])
        return row.id

    def cancel(self, job_id: str) -> bool:
        return Job.cancel(job_id)

    def retry(self, job_id: str) -> bool:
        return Job.retry(job_id)

    def advance(self, seconds: float) -> None:
        self.sim.advance(seconds)
        self._check_invariants()

    def run_until_idle(self, within: float | None) -> None:
        self.sim.run_until_idle(within)
        self._check_invariants()

    def _check_invariants(self) -> None:
        """Raise AssertionError if one of the app's own does not hold now."""
        if self._observer is not None:
            with Session(self._observer) as session:
                broken = broken_invariant(self._invariants, session)
            assert broken is None, ': '.join(broken)

    def crash(self, worker: str) -> None:
        self.sim.crash_worker(worker)

    def stall(self, worker: str, seconds: float) -> None:
        self.sim.stall_worker(worker, seconds)

    def stop(self, worker: str) -> None:
        self.sim.stop_worker(worker)

    def start(self, worker: str) -> None:
        self.sim.start_worker(worker)

    def fail_database(self, fault: DatabaseFault) -> None:
        if fault.kind == 'down':
            self.sim.database_down(fault.seconds or 0)
        elif fault.kind == 'hang':
            self.sim.database_hang(fault.seconds or 0)
        elif fault.kind == 'read_only':
            self.sim.database_read_only(fault.seconds or 0)
        else:
            self.sim.database_next(fault.kind, fault.by)

    def fail_channel(self, fault: ChannelFault) -> None:
        channel = self.sim.slack if fault.channel == 'slack' else self.sim.sms
        if fault.kind == 'down':
            channel.down(fault.seconds)
        else:
            channel.hang(fault.seconds)

    def job(self, job_id: str) -> Any:
        row = self.sim.jobs.row(job_id)
        return ABSENT if row is None else shown_row(row)

    def runs(self, job_id: str) -> list[float]:
        return [one.began for one in tries_of(self.sim.timeline, job_id)]

    def messages(self, channel: str) -> list[str]:
        captured = self.sim.slack if channel == 'slack' else self.sim.sms
        return [message.text for message in captured]

    def operations(self) -> list[dict[str, Any]]:
        return [shown_operation(asdict(one)) for one in self.sim.operations]

    def running(self) -> int:
        query = "SELECT COUNT(*) FROM job WHERE status = 'running'"
        return int(self.sim.database.ask(query)[0][0])

    def history(self) -> str:
        return self.sim.timeline.text(last=80)


def new_row(now: datetime, entropy: Entropy, step: JobStep, names: Mapping[str, Any]) -> JobRow:
    """The row of a `job` step: what is not given is as Job.create would make it."""
    columns = {name: resolve(value, names) for name, value in step.columns.items()}
    params = columns.get('params', {})
    return JobRow(
        id=entropy.job_id(now),
        project_id=columns.get('project_id'),
        action=step.action,
        status=PENDING,
        error=None,
        result=None,
        params=json.dumps(params) if isinstance(params, dict) else params,
        updated=floor_second(now),
        created=floor_second(now),
        run_at=_moment(columns.get('run_at', now), now),
        try_period=columns.get('try_period', DEFAULT_TRY_PERIOD),
        try_max=columns.get('try_max', DEFAULT_TRY_MAX),
        trys=0,
    )


def _moment(value: Any, now: datetime) -> datetime | None:
    if isinstance(value, Offset):
        value = now + timedelta(seconds=value.seconds)
    if not isinstance(value, datetime):
        return None
    return ceil_second(value) if value > now else floor_second(value)


def shown_row(row: JobRow) -> dict[str, Any]:
    """A row as expectations see it: JSON in params and result is read."""
    return asdict(row) | {'params': _read(row.params), 'result': _read(row.result)}


def shown_operation(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the journal, likewise."""
    return row | {name: _read(row[name]) for name in ('params', 'resource_ids')}


def _read(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def load_app(scenario: Scenario) -> ModuleType:
    """The scenario's app, its folder and the working directory on sys.path; empty if none.

    Raises ScenarioError where it is not there, or no app, and whatever it raises itself.
    """
    if scenario.app is None:
        return ModuleType('no_app')
    folders = [str(Path.cwd())]
    if scenario.path is not None:
        folders.insert(0, str(scenario.path.resolve().parent))
    for folder in reversed(folders):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        app = importlib.import_module(scenario.app)
    except ModuleNotFoundError as error:
        if not f'{scenario.app}.'.startswith(f'{error.name}.'):  # it lacks one that it imports
            raise
        looked = ' or '.join(dict.fromkeys(folders))
        told = f'there is no module {error.name!r} in {looked} nor elsewhere on sys.path'
        raise _wrong_app(scenario, told) from error
    if not (hasattr(app, 'routes') or hasattr(app, 'job_routes')):
        raise _wrong_app(scenario, f'{scenario.app} has neither `routes` nor `job_routes`')
    return app


def _wrong_app(scenario: Scenario, message: str) -> ScenarioError:
    return ScenarioError([Problem(str(scenario.path or '<string>'), *scenario.app_at, message)])


@contextmanager
def simulated_world(
    scenario: Scenario, database: Database | None = None
) -> Iterator[SimulatedWorld]:
    """The world of `scenario` in virtual time, its workers about to start."""
    app = load_app(scenario)
    with (
        _time_zone(scenario.env.get('TZ', 'UTC')),
        simulation(database, dict(scenario.env), start=scenario.start) as sim,
    ):
        sim.route(
            getattr(app, 'routes', None),
            getattr(app, 'job_routes', None),
            workers=scenario.workers,
            **scenario.worker,
        )
        sim.make_tables(Resource.metadata, *metadata_of(app))
        yield SimulatedWorld(sim, invariants_of(app))


@contextmanager
def _time_zone(name: str) -> Iterator[None]:
    """The process in this time zone: it is the one variable that C asks for by itself."""
    before = os.environ.get('TZ')
    try:
        os.environ['TZ'] = name
        time.tzset()
        yield
    finally:
        os.environ.pop('TZ')
        if before is not None:
            os.environ['TZ'] = before
        time.tzset()
