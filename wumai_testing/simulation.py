"""The object behind `wumai_sim`: the production api and workers, in virtual time."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any, NoReturn, Unpack

import gevent
from responses import RequestsMock
from sqlalchemy import MetaData

from wumai import bootstrap
from wumai.config import CONF
from wumai.model import Operation
from wumai.notify.fanout import Fanout, channels_from
from wumai.runtime import Runtime, Wakeups
from wumai.server import Worker, create_api, create_worker
from wumai.store.base import Store
from wumai.store.engine import ROLES
from wumai.store.schema import parse_time
from wumai.store.sql import SqlStore
from wumai.wire.base import Wire
from wumai.worker.actions import Handler
from wumai_testing.client import Client
from wumai_testing.clock import Node, VirtualDeadlock, VirtualTime, VirtualTimeout, virtual_time
from wumai_testing.databases import Database, make_tables, sqlite_database
from wumai_testing.duration import format_duration, parse_duration
from wumai_testing.faults import FAULTS, FaultPlan
from wumai_testing.jobs import Jobs, not_ended
from wumai_testing.logs import CapturedLogs
from wumai_testing.node import NodeClock, NodeHeartbeat, seeded_entropy
from wumai_testing.notifications import CapturedChannel, capture
from wumai_testing.observing import PutOffs, check_handlers, observed
from wumai_testing.recording import RecordingStore
from wumai_testing.timeline import Timeline
from wumai_testing.wire import VirtualPort
from wumai_testing.worker_options import WorkerSettings, check_options

START = datetime(2026, 1, 1)
FOREVER = '36500d'
MOST_TRIES = 100_000
MOST_PUT_OFFS = 10_000
"""Of one job: a poll each 10 s has more than a day."""
APP = 'app'
"""The process of the api and of the test."""

CHANNELS = {
    'SLACK_WEBHOOK_URL': 'https://slack.invalid/hook',
    'NOTIFY_SMS_URL': 'https://sms.invalid/send',
    'NOTIFY_SMS_KEY': 'key',
    'NOTIFY_SMS_SECRET': 'secret',
    'NOTIFY_SMS_MOBILES': '10086',
}
"""The channels of a simulation where the environment sets none of them."""


class SimulationError(AssertionError):
    """The simulation cannot go on as it was told; a note may have the end of the timeline."""


class SimulatedWorker:
    """One worker process, from its start to its exit, crash or end of the simulation."""

    def __init__(self, name: str, process: str, node: Node, clock: NodeClock) -> None:
        self.name = name
        self.process = process
        """What its tokens call it: a name that no other start has."""
        self.node = node
        self.clock = clock
        self.worker: Worker | None = None
        self.runtime: Runtime | None = None
        self.exit_code: int | None = None
        """None while it runs, and after a crash."""
        self.failure: BaseException | None = None

    @property
    def alive(self) -> bool:
        """Whether it may still run jobs; a stalled one is alive."""
        return self.node.alive and self.exit_code is None


class Simulation:
    """Made by `simulation()` or the fixture `wumai_sim`."""

    def __init__(
        self, clock: VirtualTime, database: Database, http: RequestsMock, seed: int = 0
    ) -> None:
        self.clock = clock
        self.http = http
        self.seed = seed
        self.timeline = Timeline(lambda: clock.now_ns, clock.now())
        self.logs = CapturedLogs(clock.now)
        self.database = database
        self.faults = FaultPlan(clock.monotonic, self._struck)
        self._put_offs = PutOffs()
        """Since the latest run_until_idle() began."""
        self.workers: dict[str, SimulatedWorker] = {}
        """The latest worker of each name."""
        self._port = VirtualPort()
        self._runtimes: dict[Node | None, Runtime] = {}
        self._job_routes: Mapping[str, Handler] | None = None
        self._options: dict[str, Any] = {}
        self._generation = 0
        self.slack = CapturedChannel('slack', 'text', clock.now, self.timeline)
        self.sms = CapturedChannel('sms', 'content', clock.now, self.timeline)
        capture(http, self.slack, CONF.get('SLACK_WEBHOOK_URL'))
        capture(http, self.sms, CONF.get('NOTIFY_SMS_URL') or CONF.get('NOTIFY_SMS_UR'))
        with _attached(self.logs):  # of a channel that is half set up
            self.runtime = self._runtimes[None] = self._make_runtime(APP, None, NodeClock(clock))
        self.api = create_api('api', runtime=self.runtime)
        self.client = Client(self.api.app, self.logs.of_context, self.timeline, clock.budgeted)
        self.jobs = Jobs(SqlStore(database.observer()), self.timeline, self.lateness)
        clock.on_idle = self._next_due
        clock.on_progress(lambda: self.faults.commits)

    # What is simulated

    def route(
        self,
        routes: Mapping[str, Any] | None = None,
        job_routes: Mapping[str, Handler] | None = None,
        *,
        workers: int = 1,
        **options: Unpack[WorkerSettings],
    ) -> 'Simulation':
        """Serve `routes` by the api, and start workers w1, w2, ... with `job_routes` and
        create_worker's `options`; without job routes they load `<app_root>/model/job/action.py`.
        """
        if job_routes is not None and self.workers:
            raise SimulationError(
                'workers have been started already: route all job handlers in one call, or give '
                'those of another worker to start_worker(job_routes=...)'
            )
        check_options(options)
        check_handlers(job_routes or {})
        if routes:
            self.api.route(routes)
        self._job_routes, self._options = job_routes, {**options}
        self.jobs.lateness = self.lateness
        if job_routes is not None or CONF.get('app_root'):
            for _ in range(workers):
                self.start_worker()
        return self

    def make_tables(self, *tables: MetaData) -> 'Simulation':
        """Make an app's own tables, such as those of `Base.metadata`; Resource's are there."""
        make_tables(self.database.url, *tables)
        return self

    @property
    def lateness(self) -> float:
        """Seconds that a try may begin after it is due."""
        return float(self._options.get('poll_interval', 2)) + 1

    @property
    def operations(self) -> list[Operation]:
        """The journal, oldest first."""
        return Operation.list(limit=1_000_000)[::-1]

    def start_worker(
        self,
        name: str | None = None,
        *,
        skew: float = 0.0,
        job_routes: Mapping[str, Handler] | None = None,
        **options: Unpack[WorkerSettings],
    ) -> SimulatedWorker:
        """Start a worker process; `skew` is by how many seconds its host's clock is wrong."""
        check_options(options)
        check_handlers(job_routes or {})
        name = name or f'w{len(self.workers) + 1}'
        if name in self.workers and self.workers[name].alive:
            raise SimulationError(f'the worker {name} runs already')
        self._generation += 1
        node = self.clock.node(name)
        process = f'{name}#{self._generation}'
        one = self.workers[name] = SimulatedWorker(name, process, node, NodeClock(self.clock, skew))
        one.runtime = self._runtimes[node] = self._make_runtime(name, one, one.clock)
        routes = job_routes if job_routes is not None else self._job_routes
        self.timeline.add('worker', worker=name, state='start')
        node.spawn(self._run_worker, one, routes, {**self._options, **options})
        return one

    def _run_worker(
        self, one: SimulatedWorker, routes: Mapping[str, Handler] | None, options: dict[str, Any]
    ) -> None:
        code = 0
        try:
            one.worker = create_worker(runtime=one.runtime, **options)
            if routes is not None:
                one.worker.route(observed(routes, self.timeline, one.name, self._put_offs))
            one.worker.start()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except Exception as error:
            one.failure, code = error, 1
        self._exited(one, code)
        one.node.crash()  # nothing of a process outlives its exit

    def _exited(self, one: SimulatedWorker, code: int) -> None:
        one.exit_code = code
        self.timeline.add('worker', worker=one.name, state='exit', code=code)
        self.faults.drop_connections(one.process)

    def stop_worker(self, name: str) -> int:
        """SIGTERM: let it stop gracefully; returns its exit code when it has."""
        one = self._alive(name)
        self.timeline.add('worker', worker=name, state='stop')
        one.node.spawn(self._signal, one)
        self.run_until(lambda: one.exit_code is not None or not one.node.alive, within='1d')
        return one.exit_code or 0

    @staticmethod
    def _signal(one: SimulatedWorker) -> None:
        while one.worker is None:  # it is starting
            gevent.sleep(0.01)
        one.worker.stop()

    def crash_worker(self, name: str) -> None:
        """SIGKILL: it runs no line more; its connections break, what they had open is undone."""
        one = self._alive(name)
        one.node.crash()
        self.timeline.add('crash', worker=name)
        self.faults.drop_connections(one.process)

    def stall_worker(self, name: str, seconds: float | str) -> None:
        """SIGSTOP, and SIGCONT after `seconds`."""
        one = self._alive(name)
        one.node.stall(parse_duration(seconds))
        self.timeline.add('stall', worker=name, seconds=parse_duration(seconds))

    def database_down(self, seconds: float | str) -> None:
        """Break all connections, and refuse new ones for `seconds`."""
        self.faults.down_until = self.clock.monotonic() + parse_duration(seconds)
        self.faults.drop_connections()
        self.timeline.add('fault', fault='database is down', seconds=parse_duration(seconds))

    def database_hang(self, seconds: float | str) -> None:
        """Answer no statement for `seconds`."""
        self.faults.hang_until = self.clock.monotonic() + parse_duration(seconds)
        self.timeline.add('fault', fault='database hangs', seconds=parse_duration(seconds))

    def database_read_only(self, seconds: float | str) -> None:
        """Answer what only reads, and refuse writes and their commits, for `seconds`."""
        self.faults.read_only_until = self.clock.monotonic() + parse_duration(seconds)
        self.timeline.add('fault', fault='database is read-only', seconds=parse_duration(seconds))

    def database_next(self, fault: str, by: str | None = None) -> None:
        """Strike the next statement or commit that writes a row, of anyone or of `by`: a worker, or
        `api`, which is also the process of the test itself.
        """
        if fault not in FAULTS:
            raise ValueError(f'{fault!r} is none of {", ".join(FAULTS)}')
        process = APP if by == 'api' else self._alive(by).process if by else None
        self.faults.pending.append((fault, process))

    def _alive(self, name: str) -> SimulatedWorker:
        if name not in self.workers or not self.workers[name].alive:
            running = ', '.join(one.name for one in self.workers.values() if one.alive) or 'none'
            raise SimulationError(f'the worker {name} does not run; those that do: {running}')
        return self.workers[name]

    # Time

    def advance(self, duration: float | str) -> None:
        """Let virtual time pass: seconds, or text such as '10m'."""
        self.clock.advance(parse_duration(duration))
        self._check_workers()

    def run_until(self, condition: Callable[[], bool], within: float | str = FOREVER) -> None:
        """Let time pass until `condition()`. Raises SimulationError, with the end of the timeline,
        if it does not come true `within`.
        """
        __tracebackhide__ = True
        try:
            self.clock.run_until(condition, within=within)
        except (VirtualDeadlock, VirtualTimeout) as error:
            what = str(error).partition(' Waiting: ')[0]
            self._fail(f'{what} {self._unfinished()}')
        self._check_workers()

    def run_until_idle(self, within: float | str | None = None) -> None:
        """Until no job is running, due or scheduled, and no message is on its way.

        Raises SimulationError naming the jobs that are left when no worker lives, after
        `within`, after 100,000 tries, or where `within` is not given and a handler has put its
        job off 10,000 times.
        """
        __tracebackhide__ = True
        first = len(self.timeline)
        seconds = parse_duration(FOREVER if within is None else within)
        limit = self.clock.monotonic() + seconds
        self._put_offs.clear()

        def over() -> bool:
            polls = within is None and self._put_offs.most >= MOST_PUT_OFFS
            return self.is_idle() or polls or self._gives_up(first, limit)

        self.clock.run_until(over, within=seconds + 1)
        self._check_workers()
        if not self.is_idle():
            at = format_duration(round(self.clock.monotonic(), 3))
            self._fail(f'{self._unfinished()} at {at}', self._told_put_offs())

    def _told_put_offs(self) -> str:
        count, job = self._put_offs.most, self._put_offs.worst
        if count < MOST_PUT_OFFS:
            return ''
        where = f' at {self._put_offs.place}' if self._put_offs.place else ''
        return (
            f'. {job} was put off {count:,} times by RunLater{where}: let what it waits for come '
            'true, or allow more by `within`, a virtual time such as 30d'
        )

    def _gives_up(self, first: int, limit: float) -> bool:
        no_worker = not any(one.alive for one in self.workers.values())
        if no_worker and self._messages_sent():
            return True
        too_much = len(self.timeline) - first > 3 * MOST_TRIES
        return too_much or self.clock.monotonic() >= limit or self._is_stuck()

    def _is_stuck(self) -> bool:
        """Whether a row has been running, with nothing else happening, for longer than a worker
        lets any: virtual time would go on until the end of `within`.
        """
        now = self.clock.monotonic()
        options = {'exec_timeout': 600, 'grace': 25, 'lease': 60, **self._options}
        longest = 2 * (options['exec_timeout'] + options['grace'] + options['lease']) + 60
        last = self.timeline.events[-1].seconds if len(self.timeline) else now
        faults = self.faults
        outages = faults.down_until, faults.hang_until, faults.read_only_until
        disturbed = now < max(outages) or any(one.node.stalled for one in self.workers.values())
        if now - last <= longest or disturbed:
            return False
        return bool(self.database.ask("SELECT 1 FROM job WHERE status = 'running' LIMIT 1"))

    def is_idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._open_jobs() and self._outcomes_known() and self._messages_sent()

    def _outcomes_known(self) -> bool:
        """Whether no running worker has an outcome in doubt, of which it is still to tell."""
        running = [w.worker for w in self.workers.values() if w.alive and not w.node.stalled]
        return not any(worker.in_doubt for worker in running if worker)

    def _messages_sent(self) -> bool:
        alive = [one.runtime for one in self.workers.values() if one.alive and one.runtime]
        return not any(runtime.notifier.pending() for runtime in alive)

    def _open_jobs(self) -> bool:
        if self._known_commits != self.faults.commits:
            self._known_commits = self.faults.commits
            query = "SELECT 1 FROM job WHERE status IN ('pending', 'running') LIMIT 1"
            self._has_open_jobs = bool(self.database.ask(query))
        return self._has_open_jobs

    _known_commits = -1
    _has_open_jobs = False

    def _unfinished(self) -> str:
        rows = self.database.ask(
            "SELECT id, action, status, trys FROM job WHERE status IN ('pending', 'running')"
        )
        jobs = [f'{r[0]} ({r[1]}, {r[2]}, trys {r[3]})' for r in rows]
        return not_ended(jobs) if jobs else 'no job is open'

    def _worker_states(self) -> str:
        states = {n: 'running' if w.alive else 'gone' for n, w in self.workers.items()}
        none = 'none: wumai_sim.route(routes, job_routes), or `workers` of a scenario, starts them'
        return ', '.join(f'{name} {state}' for name, state in states.items()) or none

    def _check_workers(self) -> None:
        __tracebackhide__ = True
        for one in self.workers.values():
            if one.failure is not None:
                failure, one.failure = one.failure, None
                raise failure

    def _fail(self, message: str, advice: str = '') -> NoReturn:
        __tracebackhide__ = True
        error = SimulationError(f'{message}, with workers {self._worker_states()}{advice}')
        error.add_note(self.timeline.text(last=40))
        raise error

    def _next_due(self) -> int | None:
        """Nanoseconds at which the database may next hold something for a worker to do."""
        ((pending, expiring),) = self.database.ask(
            "SELECT MIN(CASE WHEN status = 'pending' THEN COALESCE(run_at, '0001-01-01') END),"
            " MIN(CASE WHEN status = 'running' THEN COALESCE(updated, '0001-01-01') END)"
            " FROM job WHERE status IN ('pending', 'running')"
        )
        lease = timedelta(seconds=self._options.get('lease', 60))
        times = [t for t in (_time(pending), _time(expiring, lease)) if t is not None]
        if not times:
            return None
        return int((min(times) - self.timeline.start) / timedelta(microseconds=1)) * 1000

    # Parts

    def _make_runtime(self, name: str, one: SimulatedWorker | None, clock: NodeClock) -> Runtime:
        process = one.process if one else name

        def connect(role: str) -> Store:
            engine = self.database.engine(ROLES[role], clock, self.faults, process)
            return RecordingStore(engine, self.timeline, one.name if one else None)

        def leave(code: int) -> None:
            assert one is not None
            self._exited(one, code)
            one.node.crash()

        entropy = seeded_entropy(self.seed, process)

        def wire() -> Wire | None:
            return Wire(self._port, process, clock, entropy) if CONF.get('REDIS_HOST') else None

        return Runtime(
            config=CONF,
            clock=clock,
            entropy=entropy,
            connect=connect,
            notifier=Fanout(channels_from(CONF), clock, notify_on=CONF.notify_on),
            heartbeat=NodeHeartbeat(lambda: connect('heartbeat'), leave),
            worker_name=process,
            wakeups=Wakeups(wire),
        )

    def disconnect(self) -> None:
        """The end: what is put away after this must change nothing any more."""
        self.faults.end()

    def current_runtime(self) -> Runtime:
        """The runtime of the process whose code runs."""
        return self._runtimes.get(self.clock.current_node, self.runtime)

    def _struck(self, fault: str, process: str | None) -> None:
        worker = process.partition('#')[0] if process else None
        self.timeline.add('fault', worker=worker, fault=fault)


@contextmanager
def simulation(
    database: Database | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    start: datetime = START,
    seed: int = 0,
    stuck_after: float | None = 5.0,
    make: Callable[..., Simulation] = Simulation,
    **settings: Any,
) -> Iterator[Simulation]:
    """A simulation from `start` (naive UTC) on a `database` of its own (default: a temporary
    SQLite file, closed at the end). Inside, `CONF` has `settings` and only `environ` behind it.
    A handler that runs `stuck_after` real seconds without yielding is stopped, and is an error.
    """
    with ExitStack() as stack:
        # First in, last out: files go when nothing is left that could write to them.
        database = database or sqlite_database()
        stack.callback(database.close)
        stack.enter_context(_attached(logging.NullHandler()))  # what is put away tells nobody
        stack.enter_context(_settings(dict(CHANNELS if environ is None else environ), settings))
        clock = stack.enter_context(virtual_time(start, stuck_after, seed=seed))
        http = stack.enter_context(RequestsMock(assert_all_requests_are_fired=False))
        sim = make(clock, database, http, seed)
        stack.enter_context(_attached(sim.logs))
        bootstrap.provide(sim.current_runtime)
        stack.callback(bootstrap.provide, None)
        stack.callback(sim.disconnect)
        yield sim


@contextmanager
def _settings(environ: Mapping[str, str], settings: Mapping[str, Any]) -> Iterator[None]:
    before = dict(vars(CONF))
    CONF.apply(environ=environ, **settings)
    try:
        yield
    finally:
        vars(CONF).clear()
        vars(CONF).update(before)


@contextmanager
def _attached(handler: logging.Handler) -> Iterator[None]:
    root = logging.getLogger('wumai')
    level, propagate = root.level, root.propagate
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        root.propagate = propagate


def _time(value: Any, plus: timedelta = timedelta()) -> datetime | None:
    """A time of the database as it comes from the driver."""
    moment = parse_time(value) if isinstance(value, str) else value
    # What is no time is due at once: the worker is to look at it.
    return (
        None if value is None else moment + plus if isinstance(moment, datetime) else datetime.min
    )
