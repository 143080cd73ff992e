"""The simulation that is explored: the true history is kept at the commits, whoever made them."""

import functools
import random
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from gevent.event import Event
from responses import RequestsMock

from wumai.clock import SystemClock
from wumai.config import CONF
from wumai.job import Interrupt
from wumai.notify.fanout import Fanout, channels_from
from wumai.runtime import Runtime
from wumai.server import create_worker
from wumai.store.base import Store
from wumai.store.engine import ROLES, Role
from wumai.store.sql import SqlStore
from wumai.worker.actions import Handler
from wumai.worker.heartbeat import HASTE
from wumai.worker.outcome import BadResult, dump_result
from wumai_testing.clock import VirtualTime
from wumai_testing.databases import Database
from wumai_testing.explore.databases import Explored
from wumai_testing.explore.ledger import APP, Ledger, Move, Run, read_row
from wumai_testing.explore.mysql import Change
from wumai_testing.explore.plan import Plan
from wumai_testing.explore.watched import WatchedJob, WatchedStore
from wumai_testing.node import NodeHeartbeat, seeded_entropy
from wumai_testing.simulation import SimulatedWorker, Simulation

Mutate = Callable[[Any], Any]
"""Called with each part as it is built: a Store, Clock, Notifier, Heartbeat, Runtime or Worker.
It may change the part, or return another one in its place."""


def unchanged(part: Any) -> Any:
    """The mutation that mutates nothing."""
    return part


def _as_json(result: Any) -> str | None:
    """What a worker is to store of a handler's result, before anyone changes it."""
    try:
        return dump_result(result)
    except BadResult:
        return None


class HostClock(SystemClock):
    """Production's clock on a host that shows the wrong time."""

    def __init__(self, time: VirtualTime, *, real_database: bool = False) -> None:
        super().__init__()
        self._time = time
        self._real_database = real_database
        self.skew = 0.0
        self.drift = 0.0
        """Seconds by which it grows each second."""

    def host_now(self) -> datetime:
        wrong = self.skew + self.drift * self._time.monotonic()
        now = self._time.now()
        return now + timedelta(seconds=wrong) if wrong else now

    def observe(self, database_now: datetime, asked: float, answered: float) -> None:
        if self._real_database:  # whose time is not the virtual one
            database_now = self._time.now()
        super().observe(database_now, asked, answered)

    def monotonic(self) -> float:
        return self._time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return self._time.wait_idle(event, seconds)

    @property
    def error(self) -> float:
        """Seconds by which its corrected time is wrong."""
        return (self.now() - self._time.now()) / timedelta(seconds=1)


class World(Simulation):
    """One run. What the checkers need to know comes to `observer`."""

    def __init__(
        self,
        clock: VirtualTime,
        database: Explored,
        http: RequestsMock,
        plan: Plan,
        mutate: Mutate = unchanged,
    ) -> None:
        self.plan = plan
        self.mutate = mutate
        self.ledger = Ledger()
        self.statements: Counter[str] = Counter()
        """Journeys of statements and of answers, by process, in this virtual second."""
        self.slowness = 1.0
        self.stopping: dict[str, float] = {}
        """When each process was told to stop."""
        self.clocks: dict[str, HostClock] = {}
        self.started: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        """When each process did."""
        self.commits = 0
        self.greenlet_errors: list[str] = []
        """What ended greenlets of workers, which nothing else would tell."""
        self.on_move: Callable[[Move], None] = lambda _move: None
        self.on_begin: Callable[[Run | None, str, str, int], None] = lambda *_: None
        self.on_end: Callable[[Run], None] = lambda _run: None
        self.on_sleep: Callable[[Run], None] = lambda _run: None
        self.on_reach: Callable[[str, str], None] = lambda _what, _process: None
        self.on_exit: Callable[[SimulatedWorker, int | None], None] = lambda *_: None
        self._streams: dict[str, random.Random] = {}
        self.explored = database
        super().__init__(clock, cast(Database, database), http, plan.seed)
        database.watch(clock.now, self._committed)
        self.faults.latency = self._latency

    # What is committed

    def _committed(self, changes: list[Change], process: str) -> None:
        self.commits += 1
        for change in changes:
            if change.table != 'job':
                continue
            before = change.before and read_row(change.before, self.timeline.start)
            after = change.after and read_row(change.after, self.timeline.start)
            move = self.ledger.note(self.clock.monotonic(), process, before or None, after or None)
            self._tell(move)
            self.on_move(move)

    def _tell(self, move: Move) -> None:
        """Write a move into the timeline."""
        if move.kind == 'renew':
            return
        worker = None if move.process == APP else move.process.partition('#')[0]
        self.timeline.add(move.kind, worker=worker, job=move.job, **self._details(move))

    def _details(self, move: Move) -> dict[str, Any]:
        before, after = move.before, move.after
        if after is None:
            return {}
        due = after.run_at
        run_at = None if due is None else self.timeline.start + timedelta(seconds=due)
        error = (after.error or '').partition('\n')[0] or None
        match move.kind:
            case 'create':
                return {'action': after.action, 'run_at': run_at}
            case 'claim':
                return {'action': after.action, 'n': after.trys, 'm': after.try_max}
            case 'outcome':
                again = run_at if after.status == 'pending' else None
                return {'status': after.status, 'error': error, 'run_at': again}
            case 'release':
                return {'run_at': run_at}
            case 'rescue':
                return {'owner': before.owner if before else None, 'status': after.status}
            case 'unrun':
                return {'reason': error}
        was = before.status if before else None
        return {'was': was, 'status': after.status}

    # Processes

    def start_planned(self, name: str, *, healed: bool = False) -> SimulatedWorker:
        """Start the worker `name` of the plan."""
        planned = next(one for one in self.plan.workers if one.name == name)
        routes = dict(self._job_routes or {})
        if planned.lacks and not healed and len(routes) > 1:
            routes.pop(planned.lacks, None)
        self._host = (0.0, 0.0) if self.explored.is_embedded else (planned.skew, planned.drift)
        one = self.start_worker(name, job_routes=routes)
        self.started[one.process] = self.clock.monotonic()
        return one

    _host = (0.0, 0.0)

    def _make_runtime(self, name: str, one: SimulatedWorker | None, _clock: Any) -> Runtime:
        process = one.process if one else name
        clock = HostClock(self.clock, real_database=self.explored.is_real)
        if one is not None:
            clock.skew, clock.drift = self._host
            self.clocks[one.process] = clock
            hub: Any = one.node.hub
            hub.print_exception = self._crashed_greenlet
        clock = self.mutate(clock)

        def connect(role: str) -> Store:
            engine = self.database.engine(self._role(role), clock, self.faults, process)
            store: Store = self.mutate(SqlStore(engine))
            return cast(Store, WatchedStore(store, lambda what: self.on_reach(what, process)))

        def leave(code: int) -> None:
            assert one is not None
            self._exited(one, code)

        channels = channels_from(CONF)
        runtime = Runtime(
            config=CONF,
            clock=clock,
            entropy=seeded_entropy(self.seed, process),
            connect=connect,
            notifier=self.mutate(Fanout(channels, clock, notify_on=CONF.notify_on)),
            heartbeat=self.mutate(NodeHeartbeat(lambda: connect('heartbeat'), leave)),
            worker_name=process,
        )
        mutated: Runtime = self.mutate(runtime)
        return mutated

    def _role(self, name: str) -> Role:
        """As in production, the heartbeat waits for no answer longer than half of its period."""
        role = ROLES[name]
        return role.within(HASTE * self.plan.options['lease'] / 6) if name == 'heartbeat' else role

    def _run_worker(
        self, one: SimulatedWorker, routes: Mapping[str, Handler] | None, options: dict[str, Any]
    ) -> None:
        code = 0
        try:
            one.worker = self.mutate(create_worker(runtime=one.runtime, **options))
            one.worker.route(self._watched(routes or {}, one))
            one.worker.start()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except Exception as error:
            one.failure, code = error, 1
        self._exited(one, code)

    def _exited(self, one: SimulatedWorker, code: int) -> None:
        super()._exited(one, code)
        self._bury(one)
        self.on_exit(one, code)
        if one.node.alive:
            one.node.crash()  # the process has ended, and what it left running with it

    def crash_planned(self, name: str) -> None:
        """SIGKILL."""
        self.crash_worker(name)
        one = self.workers[name]
        self._bury(one)
        self.on_exit(one, None)

    def tell_to_stop(self, name: str) -> None:
        """SIGTERM, without waiting for what follows."""
        one = self.workers[name]
        if one.process not in self.stopping:
            self.stopping[one.process] = self.clock.monotonic()
            self.timeline.add('worker', worker=name, state='stop')
            one.node.spawn(self._signal, one)

    def _bury(self, one: SimulatedWorker) -> None:
        for run in self.ledger.runs:
            if run.process == one.process:
                run.dead = True

    def _crashed_greenlet(self, _context: object, kind: Any, value: Any, tb: Any) -> None:
        self.greenlet_errors.append(''.join(traceback.format_exception(kind, value, tb)))

    greenlets_at_rest = 7
    """Of a worker that runs no job: more are a leak."""

    def greenlets_of(self, one: SimulatedWorker) -> int:
        """How many greenlets of a worker wait for something."""
        return sum(self.clock._home_of(waiting) is one.node.hub for waiting in self.clock.parked)

    def connections_of(self, one: SimulatedWorker) -> int:
        """How many connections to the database a worker has open."""
        return sum(connection.node == one.process for connection in self.faults.connections)

    def messages_sent(self) -> bool:
        """Whether no message of a living worker is on its way."""
        return self._messages_sent()

    # Handlers

    def _watched(self, routes: Mapping[str, Handler], one: SimulatedWorker) -> dict[str, Handler]:
        return {action: self._watch(handler, one) for action, handler in routes.items()}

    def _watch(self, handler: Handler, one: SimulatedWorker) -> Handler:
        @functools.wraps(handler)
        def run(job: Any) -> Any:
            found = self.ledger.latest(job.id, one.process, job.trys)
            self._began(found, job, one)
            try:
                value = handler(job if found is None else WatchedJob(job, found, self))
            except BaseException as error:
                name = type(error).__name__
                how = f'interrupted: {name}' if isinstance(error, Interrupt) else f'raised {name}'
                self._ended(found, job, one, how, None)
                raise
            self._ended(found, job, one, 'returned', _as_json(value))
            return value

        return run

    def _began(self, found: Run | None, job: Any, one: SimulatedWorker) -> None:
        self.timeline.add('begin', worker=one.name, job=job.id, n=job.trys, m=job.try_max)
        self.on_begin(found, one.process, job.id, job.trys)
        if found is not None:
            found.began_at = self.clock.monotonic()
            found.interrupted = lambda: job._try.interrupted is not None

    def sleeps(self, run: Run) -> None:
        """A handler is about to sleep."""
        run.asleep_since = self.clock.monotonic()
        if run.interrupted():
            self.on_sleep(run)

    def _ended(
        self, found: Run | None, job: Any, one: SimulatedWorker, how: str, result: str | None
    ) -> None:
        if not one.node.alive or self.clock.closed:
            return
        self.timeline.add('end', worker=one.name, job=job.id, n=job.trys, how=how)
        if found is not None:
            found.ended_at = self.clock.monotonic()
            found.how, found.result = how, result
            found.host_ended_at = found.ended_at + self.clocks[one.process].error
            self.on_end(found)

    # The network

    def _latency(self, process: str) -> float:
        self.statements[process] += 1
        stream = self._streams.get(process)
        if stream is None:
            stream = self._streams[process] = random.Random(f'{self.seed}/latency/{process}')
        mean = self.plan.latency * self.slowness
        return min(stream.expovariate(1 / mean), 20 * mean)

    def _next_due(self) -> int | None:
        times = []
        for row in self.ledger.rows.values():
            if row.status == 'pending':
                times.append(row.run_at or 0.0)
            elif row.status == 'running':
                times.append((row.updated or 0.0) + self._options.get('lease', 60))
        return int(min(times) * 1e9) if times else None
