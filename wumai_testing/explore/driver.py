"""One run of a plan: strikes its faults, heals all, waits for the end, and says what broke."""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, cast

import gevent

from wumai.job import JobRow
from wumai.model import Job
from wumai.store.db_errors import StoreError
from wumai_testing.clock import VirtualLivelock, VirtualStuck
from wumai_testing.databases import Database
from wumai_testing.explore.application import App, InvariantFailed
from wumai_testing.explore.checkers import CHECKERS, Broken, Checker
from wumai_testing.explore.checkers.app import AppInvariants
from wumai_testing.explore.checkers.ends import Endings, Loops
from wumai_testing.explore.checkers.pace import Work
from wumai_testing.explore.coverage import reached_in
from wumai_testing.explore.databases import open_database
from wumai_testing.explore.faults import RESTART, Troubles
from wumai_testing.explore.interrupts import interrupts_put_off
from wumai_testing.explore.ledger import Run
from wumai_testing.explore.plan import Plan, PlannedFault, PlannedJob
from wumai_testing.explore.world import Mutate, World, unchanged
from wumai_testing.simulation import SimulatedWorker, simulation

EMBEDDED_LATENCY = 0.003
"""Seconds that a statement takes at most, on average, where no network is between: whoever writes
keeps all others from it meanwhile.
"""


@dataclass
class Result:
    """What a run has shown."""

    plan: Plan
    broken: Broken | None
    reached: Counter[str] = field(default_factory=Counter)
    """Faults and states, and how often each."""
    timeline: str = ''
    """As JSON lines, and then the rows as they ended: the same bytes for the same plan."""
    text: str = ''
    """The timeline to read."""
    seconds: float = 0.0
    """Virtual time that passed."""
    actions: dict[str, str] = field(default_factory=dict)
    """The action of each job."""
    starts: list[tuple[float, str]] = field(default_factory=list)
    """When workers were started, and which."""
    struck: list[PlannedFault] = field(default_factory=list)
    """The faults at the times at which they struck, whatever they were aimed at."""
    begins: list[float] = field(default_factory=list)
    """When handlers began."""
    repeats: bool = True
    """Whether a second run of the whole plan went the same way, where there was one."""


def run(
    plan: Plan,
    app: App,
    mutate: Mutate = unchanged,
    *,
    keep: bool = True,
    url: str | None = None,
) -> Result:
    """Run `plan`. Without `keep` the timeline of a run that breaks nothing is dropped."""
    database = open_database(plan, url, app.metadata)
    if database.is_embedded:
        plan = replace(plan, latency=min(plan.latency, EMBEDDED_LATENCY))

    def make(clock: Any, database: Any, http: Any, _seed: int) -> World:
        return World(clock, database, http, plan, mutate)

    inside = simulation(cast(Database, database), seed=plan.seed, make=make, stuck_after=None)
    with interrupts_put_off(), inside as world:
        return Driver(cast(World, world), app).run(keep)


class Driver:
    """Holds the strings of one world."""

    def __init__(self, world: World, app: App) -> None:
        self.world = world
        self.plan = world.plan
        self.app = app
        self.troubles = Troubles(world, self._at)
        self.checkers: list[Checker] = [kind(world, self.troubles) for kind in CHECKERS]
        self._agenda: list[tuple[float, int, Callable[[], Any]]] = []
        self._numbers = count()
        self._creating: list[Any] = []
        self._closing = False
        self._loops = self._find(Loops)
        self._work = self._find(Work)
        self._own = self._find(AppInvariants)
        self._own.checks = app.invariants
        self._listen()

    def _find(self, kind: type[Any]) -> Any:
        return next(one for one in self.checkers if isinstance(one, kind))

    def _listen(self) -> None:
        world = self.world
        world.on_move = lambda move: self._each('moved', move)
        world.on_begin = self._began
        world.on_end = self._ended
        world.faults.writing = self._writing
        world.faults.storm = self.troubles.next_of_storm
        world.on_reach = self.troubles.reach
        world.on_sleep = lambda run: self._each('sleeps_on', run)
        world.on_exit = self._exited
        world.timeline.listeners.append(self.troubles.happened)
        world.timeline.listeners.append(lambda event: self._each('happened', event))

    def _each(self, what: str, *args: Any) -> None:
        for checker in self.checkers:
            getattr(checker, what)(*args)

    def _began(self, run: Run | None, process: str, job: str, n: int) -> None:
        self._each('began', run, process, job, n)
        self.troubles.reach('begin', process)

    def _writing(self, process: str, again: bool) -> None:
        self.troubles.reach('write', process)
        if again:
            self.troubles.reach('midway', process)

    def _ended(self, run: Run) -> None:
        self._each('ended', run)
        self.troubles.reach('end', run.process)

    @property
    def broken(self) -> Broken | None:
        found = [checker.broken for checker in self.checkers if checker.broken is not None]
        return min(found, key=lambda one: one.at, default=None)

    # The run

    def run(self, keep: bool) -> Result:
        try:
            self._live()
        except VirtualStuck as error:
            self._loops.fail(f'stuck: {error}')
        except VirtualLivelock as error:
            self._work.fail(str(error))
        except KeyboardInterrupt:
            raise
        except InvariantFailed as error:
            raise InvariantFailed(f'seed {self.plan.seed}: {error}') from error
        except BaseException as error:  # what a greenlet of a worker let out, too
            self._loops.fail(f'{type(error).__name__}: {error}')
        return self._result(keep)

    def _live(self) -> None:
        for channel in (self.world.slack, self.world.sms):
            channel.latency = self.plan.channel_latency
        self.world.route(self.app.routes, self.app.job_routes, workers=0, **self.plan.options)
        for worker in self.plan.workers:
            self.world.start_planned(worker.name)
        for job in self.plan.jobs:
            self._at(job.at, partial(self._create, job))
        for fault in self.plan.faults:
            self._at(fault.at, partial(self.troubles.arm, fault))
        self._at(self.plan.calm_at, self._heal)
        while self._agenda and self.broken is None:
            self._advance(self._agenda[0][0])
        self._await_end()
        self._close()

    def _at(self, at: float, action: Callable[[], Any]) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), action))

    def _advance(self, limit: float, condition: Callable[[], bool] = lambda: False) -> None:
        """Let time pass to the next of the agenda, to `limit` at most, and do it."""
        at = min(limit, self._agenda[0][0]) if self._agenda else limit
        self._until(lambda: condition() or bool(self._agenda and self._agenda[0][0] < at), at)
        now = self.world.clock.now_ns
        while self._agenda and round(self._agenda[0][0] * 1e9) <= now and self.broken is None:
            heapq.heappop(self._agenda)[2]()

    def _until(self, condition: Callable[[], bool], limit: float) -> None:
        """Let time pass to `limit`, or until `condition` or something breaks."""
        clock = self.world.clock
        end = round(limit * 1e9)
        seconds = (end - clock.now_ns) / 1e9
        if seconds <= 0:
            return
        timer = clock.own_hub.loop.timer(seconds)
        timer.start(lambda: None)  # so that time can pass even where no worker is left
        try:
            clock.run_until(lambda: self._over() or condition() or clock.now_ns >= end)
        finally:
            timer.close()

    def _over(self) -> bool:
        self._loops.check()
        self._work.check()
        self._own.check()
        return self.broken is not None

    def _heal(self) -> None:
        self.troubles.heal()
        self._each('healed')
        for worker in self.plan.workers:
            self._restart(worker.name)

    def _await_end(self) -> None:
        """Liveness: every job ends in bounded time, and every message is sent."""
        if self.broken is not None:
            return
        limit = self.world.clock.monotonic() + self._bound()
        while not self._is_idle() and self.broken is None:
            self._advance(limit, self._is_idle)
            if self.world.clock.monotonic() >= limit:
                self._tell_unfinished()
                return
        rest = self.world.clock.monotonic() + 2 * self.plan.options['lease']
        self._rest(max(rest, self.troubles.last_felt))
        if self.broken is None:
            self._each('idle')

    def _rest(self, until: float) -> None:
        end = round(until * 1e9)
        while self.world.clock.now_ns < end and self.broken is None:
            self._advance(until)

    def _is_idle(self) -> bool:
        open_jobs = any(row.status in ('pending', 'running') for row in self._rows())
        creating = any(not one.dead for one in self._creating)
        return not (open_jobs or creating) and self.world.messages_sent()

    def _rows(self) -> Any:
        return self.world.ledger.rows.values()

    def _bound(self) -> float:
        options = self.plan.options
        a_try = options['exec_timeout'] + options['grace'] + 3 * options['lease'] + 30
        rows = list(self._rows())
        waits = max((row.try_max * row.try_period for row in rows), default=0)
        # A worker whose clock has just stepped dates things wrongly for a minute.
        steps = sum(abs(f.seconds) for f in self.plan.faults if f.kind == 'clock step')
        return float(300 + waits + steps + sum(row.try_max * a_try for row in rows))

    def _tell_unfinished(self) -> None:
        rows = [row for row in self._rows() if row.status in ('pending', 'running')]
        told = ', '.join(f'{self.world.timeline.name(r.id)} is {r.status}' for r in rows)
        job = rows[0].id if rows else None
        self._find(Endings).fail(told or 'messages are still on their way', job)

    def _close(self) -> None:
        """Stop all workers gracefully."""
        if self.broken is not None:
            return
        self._closing = True
        for name, one in self.world.workers.items():
            if one.alive:
                self.world.tell_to_stop(name)
        limit = self.world.clock.monotonic() + self.plan.options['grace'] + 60
        while self._alive() and self.world.clock.now_ns < round(limit * 1e9) and not self.broken:
            self._advance(limit, lambda: not self._alive())
        if self._alive() and self.broken is None:
            self._find(Endings).fail('a worker does not stop')
        self._each('over')

    def _alive(self) -> bool:
        return any(one.alive for one in self.world.workers.values())

    # Processes

    def _exited(self, one: SimulatedWorker, code: int | None) -> None:
        self.world.ended[one.process] = self.world.clock.monotonic()
        self._each('exited', one, code)
        self.troubles.note('restart', one.name, 5.0)
        if not self._closing:
            after = self.troubles.restart_after.pop(one.name, RESTART)
            at = self.world.clock.monotonic() + after
            self._at(at, lambda: self._restart(one.name))

    def _restart(self, name: str) -> None:
        if not self.world.workers[name].alive:
            healed = self.world.clock.monotonic() >= self.plan.calm_at
            self.world.start_planned(name, healed=healed)

    # The workload

    def _create(self, job: PlannedJob) -> None:
        self._creating.append(gevent.spawn(self._created, job))

    def _created(self, job: PlannedJob) -> None:
        try:
            job_id = self._stored(job)
        except StoreError:
            return  # the client was told; in doubt, it may be there all the same
        except Exception as error:
            self._loops.fail(f'creating {job.action} raises {type(error).__name__}: {error}')
            return
        for wish, after in job.then:
            gevent.sleep(after)
            try:
                getattr(Job, wish)(job_id)
            except StoreError:
                continue

    def _stored(self, job: PlannedJob) -> str | None:
        if job.columns is not None:
            return self._foreign(job, job.columns)
        if job.action in self.app.routes:
            self.world.client.call(job.action, **job.params)
            return None
        run_at = None
        if job.delay is not None:
            run_at = self.world.clock.now() + timedelta(seconds=job.delay)
        return Job.create(
            job.action,
            params=job.params,
            run_at=run_at,
            try_period=job.try_period,
            try_max=job.try_max,
        )

    def _foreign(self, job: PlannedJob, columns: dict[str, Any]) -> str:
        number = sum(job.columns is not None for job in self.plan.jobs[: self.plan.jobs.index(job)])
        now = self.world.clock.now().replace(microsecond=0)
        row = JobRow(
            id=f'foreign-{number}',
            project_id=None,
            action=job.action,
            status='pending',
            error=None,
            result=None,
            params='{}',
            updated=now,
            created=now,
            run_at=now,
            try_period=job.try_period,
            try_max=job.try_max,
            trys=0,
        )
        row = replace(row, **columns)
        self.world.runtime.store.insert_jobs([row])
        return row.id

    # The result

    def _result(self, keep: bool) -> Result:
        broken = self.broken
        world = self.world
        reached = self.troubles.reached + reached_in(world)
        result = Result(self.plan, broken, reached, seconds=world.clock.monotonic())
        if keep or broken is not None:
            result.actions = {row.id: row.action for row in world.ledger.rows.values()}
            result.starts = [(at, name.partition('#')[0]) for name, at in world.started.items()]
            result.struck = self.troubles.struck
            runs = world.ledger.runs
            result.begins = [run.began_at for run in runs if run.began_at is not None]
            rows = world.explored.final_rows()
            result.timeline = world.timeline.json_lines() + ''.join(
                f'{image!r}\n' for image in rows
            )
            result.text = world.timeline.text()
        return result
