"""What runs in the processes of a live scenario: the production servers, built from CONF.

They differ from a user's in that their stores write down what they did.
"""

import fcntl
import functools
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType

import gevent
from sqlalchemy import Engine

from wumai import bootstrap
from wumai.config import CONF
from wumai.model.resource import Resource
from wumai.notify.base import Channel, Notice, Notifier
from wumai.runtime import Runtime
from wumai.server import Api, create_api, create_worker
from wumai.store.base import Candidate, Store
from wumai.store.db_errors import StoreError
from wumai.store.engine import database_url
from wumai.store.sql import SqlStore
from wumai.worker.heartbeat import ThreadHeartbeat
from wumai_testing.databases import make_tables
from wumai_testing.duration import parse_duration
from wumai_testing.explore.application import metadata_of
from wumai_testing.observing import check_handlers, observed
from wumai_testing.recording import RecordingStore
from wumai_testing.scenario.live.events import READY, SENDING, STANDING_BY, EventFile
from wumai_testing.scenario.outcome import run_simulated
from wumai_testing.scenario.reader import load
from wumai_testing.scenario.world import load_app

GO = signal.SIGUSR1
"""Lets a worker that stands by begin."""
_MOMENT = 0.02

NewStore = Callable[[Engine], RecordingStore]


@dataclass(frozen=True, slots=True)
class Spec:
    """One process: everything it is told."""

    role: str
    """`api`, `worker` or `measure`."""
    name: str
    """`w1`, ..."""
    process: str
    """`w1-2` is the second start of w1."""
    scenario: str
    """The file."""
    folder: str
    """Of the scenario's run; the logs are below it."""
    environ: dict[str, str]

    @property
    def events(self) -> Path:
        return Path(self.folder, 'events.jsonl')

    @property
    def output(self) -> Path:
        """What it writes to stdout and stderr."""
        return Path(self.folder, f'{self.process}.out')

    def written(self) -> str:
        """What it has written until now."""
        return self.output.read_text(errors='replace') if self.output.exists() else ''

    @property
    def log_dir(self) -> Path:
        return Path(self.folder, 'logs', self.process)

    @property
    def measure(self) -> Path:
        """The virtual seconds that the scenario takes, None if it cannot run, and why it failed."""
        return Path(self.folder, 'measure.json')


def run(spec: Spec) -> None:
    """Be this process until it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {GO})
    os.environ.clear()
    os.environ.update(spec.environ)
    time.tzset()
    {'api': _api, 'worker': _worker, 'measure': _measure}[spec.role](spec)


def _worker(spec: Spec) -> None:
    scenario = load(spec.scenario)
    app = load_app(scenario)
    job_routes = getattr(app, 'job_routes', {})
    check_handlers(job_routes)
    has_handlers = hasattr(app, 'job_routes') or CONF.get('app_root')
    ready = functools.cache(lambda: events.add(READY, worker=spec.process))
    events = _prepare(spec, app, lambda engine: _WorkerStore(engine, events, spec.name, ready))
    worker = create_worker(**scenario.worker)
    worker.route(observed(job_routes, events, spec.name))
    events.add(STANDING_BY, worker=spec.process)
    signal.sigwait({GO})
    if not has_handlers:  # an api alone: as in a simulation, nobody looks at the table
        ready()
        signal.pause()
    worker.start()


def _api(spec: Spec) -> None:
    app = load_app(load(spec.scenario))
    events = _prepare(spec, app, lambda engine: RecordingStore(engine, events, None))
    api = create_api('api').route(getattr(app, 'routes', {}))
    gevent.spawn(_announce, api, events, spec)
    api.start(port=0, host='127.0.0.1')


def _announce(api: Api, events: EventFile, spec: Spec) -> None:
    api.started.wait()
    assert api.address
    events.add(READY, worker=spec.process, port=api.address[1])


def _measure(spec: Spec) -> None:
    outcome = run_simulated(Path(spec.scenario))
    seconds = parse_duration(outcome.virtual) if outcome.virtual else None
    spec.measure.write_text(json.dumps([seconds, outcome.message]))


def _prepare(spec: Spec, app: ModuleType, new_store: NewStore) -> EventFile:
    events = EventFile(spec.events)
    CONF.apply(app_root=os.getcwd(), log_dir=spec.log_dir)
    bootstrap.provide(functools.cache(lambda: _recorded(events, new_store, spec.process)))
    _make_tables_of(app, Path(spec.folder, 'tables.lock'))
    return events


def _make_tables_of(app: ModuleType, lock: Path) -> None:
    """The app's own tables; the process that comes first makes them."""
    with lock.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        make_tables(database_url(CONF), Resource.metadata, *metadata_of(app))


def _recorded(events: EventFile, new_store: NewStore, process: str) -> Runtime:
    """The production runtime, whose stores and channels tell `events` what they do."""
    runtime = bootstrap.runtime_from(CONF)
    plain = runtime.connect

    def connect(role: str) -> Store:
        store = plain(role)
        assert isinstance(store, SqlStore)
        return new_store(store.engine)

    runtime.connect = connect
    runtime.heartbeat = ThreadHeartbeat(lambda _: connect('heartbeat'))
    runtime.notifier = _ToldNotifier(runtime.notifier, events, process)
    return runtime


class _WorkerStore(RecordingStore):
    """Tells when the worker has looked at the table for the first time, or found it away."""

    def __init__(
        self, engine: Engine, events: EventFile, worker: str, ready: Callable[[], None]
    ) -> None:
        super().__init__(engine, events, worker)
        self._ready = ready

    def problems(self, tables: Iterable[str]) -> list[str]:
        try:
            return super().problems(tables)
        except StoreError:
            self._ready()
            raise

    def candidates(self, until: datetime, limit: int, offset: int = 0) -> list[Candidate]:
        found = super().candidates(until, limit, offset)
        self._ready()
        return found


class _ToldNotifier:
    """Tells the runner while messages are on their way."""

    def __init__(self, notifier: Notifier, events: EventFile, process: str) -> None:
        self._notifier = notifier
        self._events = events
        self._process = process
        self._watching = False

    def failed(self, notice: Notice) -> None:
        self._notifier.failed(notice)
        if self.pending() and not self._watching:
            self._tell(True)
            gevent.spawn(self._watch)

    def _watch(self) -> None:
        while self.pending():
            gevent.sleep(_MOMENT)
        self._tell(False)

    def _tell(self, sending: bool) -> None:
        self._watching = sending
        self._events.add(SENDING, worker=self._process, on=sending)

    def add(self, channel: Channel) -> None:
        self._notifier.add(channel)

    def pending(self) -> int:
        return self._notifier.pending()

    def flush(self, seconds: float) -> bool:
        return self._notifier.flush(seconds)

    def close(self) -> None:
        self._notifier.close()

    def last_words(self, notices: Iterable[Notice], seconds: float) -> None:
        self._notifier.last_words(notices, seconds)
