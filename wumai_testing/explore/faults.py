"""How each planned fault is done to the world, and what is over when all is healed."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import gevent
from pymysql import err

from wumai_testing.explore.options import OF_A_WORKER
from wumai_testing.explore.plan import PlannedFault
from wumai_testing.explore.world import World
from wumai_testing.faults import FAULTS, MUTED
from wumai_testing.timeline import Event

RESTART = 1.0
"""Seconds after which a process manager starts a worker again that ended by itself."""
SLOW = 20.0
"""How much slower a slow database is."""
PATIENCE = 31.0
"""Seconds after which a worker takes a connection for lost that gives no answer."""
_OUTLAST = ('connection mute', 'database hang', 'database slow')
"""What statements that are on their way feel after all is healed."""
SHORTEST, LONGEST = 0.05, 2.0
"""Seconds for which a database that flaps answers, short times more often."""
SLOW_CHANNEL = 3.0
"""Seconds that a slow channel takes for a message."""


@dataclass(slots=True)
class Countdown:
    """How often something is still to pass."""

    left: int

    def is_over(self) -> bool:
        """Count one; whether it is the one that was waited for."""
        self.left -= 1
        return self.left < 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A time in which something was wrong, with one worker or (None) with all."""

    kind: str
    target: str | None
    begins: float
    ends: float
    job: str | None = None
    """The job whose row was locked, where that was it."""


@dataclass(slots=True)
class Storm:
    """A time in which statements and commits fail at random."""

    ends: float
    kinds: list[str]
    part: float
    """Of the writes that it strikes."""
    chance: random.Random

    def strikes(self, kinds: tuple[str, ...]) -> str | None:
        """What it does to a write that can meet these kinds."""
        fitting = [kind for kind in self.kinds if kind in kinds]
        hits = bool(fitting) and self.chance.random() < self.part
        return self.chance.choice(fitting) if hits else None


class Troubles:
    """Strikes the faults, and remembers when there were any."""

    def __init__(self, world: World, at: Callable[[float, Callable[[], None]], None]) -> None:
        self.world = world
        self.reached: Counter[str] = Counter()
        """How often each kind had something to strike."""
        self.past: list[Trouble] = []
        self.restart_after: dict[str, float] = {}
        """Seconds until a worker that ends is started again, where the plan says."""
        self.steps: list[tuple[float, str, float]] = []
        """When the clocks of workers stepped, and by how much."""
        self.struck: list[PlannedFault] = []
        """The faults as they struck, where they were aimed too."""
        self.at = at
        self._armed: list[tuple[PlannedFault, Countdown]] = []
        self._storm_now: Storm | None = None
        self._ends: dict[str, list[Callable[[float], None]]] = {}

    def arm(self, fault: PlannedFault) -> None:
        """Strike `fault` now, or when its target gets to what it is aimed at."""
        if fault.aim is None:
            self.strike(fault)
        else:
            self._armed.append((fault, Countdown(fault.aim.skip)))

    def reach(self, what: str, process: str) -> None:
        """A worker gets to something at which a fault may be aimed."""
        name = process.partition('#')[0]
        for armed in list(self._armed):
            fault, left = armed
            aim = fault.aim
            if aim and aim.at == what and self._may_strike(fault, name) and left.is_over():
                self._armed.remove(armed)
                here = replace(fault, target=name) if fault.kind in OF_A_WORKER else fault
                self._strike_here(here)

    def _may_strike(self, fault: PlannedFault, name: str) -> bool:
        """Whether it waits for this one: what strikes a worker strikes whoever gets there, where
        none is named.
        """
        if fault.target is not None:
            return fault.target == name
        return fault.kind not in OF_A_WORKER or name in self.world.workers

    def _strike_here(self, fault: PlannedFault) -> None:
        if fault.kind in FAULTS:
            self.strike(fault)
        else:  # as soon as it waits: what ends or stops a process cannot be done from within
            self.at(self.world.clock.monotonic(), partial(self.strike, fault))

    def strike(self, fault: PlannedFault) -> None:
        """Do it, where there is something to do it to."""
        kind, target = fault.kind, fault.target
        if not self._has_target(fault):
            return
        now = round(self.world.clock.monotonic(), 3)
        self.struck.append(replace(fault, at=now, aim=None))
        if kind in FAULTS:
            self.world.database_next(kind, by=target)
            return
        if not self._done(fault):
            return
        self.reached[kind] += 1
        job = self._locked_by(fault) if kind == 'row lock' else None
        self.note(kind, target, self._lasting(fault), job)
        if kind == 'stall' and target:
            self._note_locks(self.world.workers[target].process, self._lasting(fault))

    def _note_locks(self, process: str, seconds: float) -> None:
        """What stands still keeps the rows that it has locked."""
        if self.world.explored.waits_for_locks:  # perhaps for one of its
            self.note('row lock', None, seconds)
        for job in self.world.explored.locked_by(process):
            self.note('row lock', None, seconds, job)

    def happened(self, event: Event) -> None:
        """A fault that waited for a statement has struck."""
        if event.kind != 'fault':
            return
        if event.detail['fault'] in FAULTS:
            self.note(event.detail['fault'], event.worker, 5.0)
        elif event.detail['fault'] == MUTED:
            self.note('connection mute', None, PATIENCE)  # all, since it may have locked rows

    @property
    def last_felt(self) -> float:
        """Virtual seconds until which a statement may wait for an answer that does not come."""
        return max((one.ends for one in self.past if one.kind in _OUTLAST), default=0.0)

    def _lasting(self, fault: PlannedFault) -> float:
        match fault.kind:
            case 'clock step':
                return 0.0
            case 'database flaps':
                return 2 * fault.seconds + LONGEST
            case 'storm':  # and what it struck last
                return fault.seconds + 5.0
            case 'database slow':  # what is on its way then
                return fault.seconds + 10 * self.world.plan.latency * SLOW
        return fault.seconds

    def note(self, kind: str, target: str | None, seconds: float, job: str | None = None) -> None:
        now = self.world.clock.monotonic()
        self.past.append(Trouble(kind, target, now, now + seconds, job))

    def _done(self, fault: PlannedFault) -> bool:
        name = fault.kind.replace(' ', '_').replace('-', '_')
        method = getattr(self, f'_{name}', None)
        return bool(method(fault)) if method else self._channel(fault)

    def _has_target(self, fault: PlannedFault) -> bool:
        if fault.target is None:
            return fault.kind in FAULTS or fault.kind not in OF_A_WORKER
        return self._alive(fault.target)

    def _alive(self, name: str) -> bool:
        return name in self.world.workers and self.world.workers[name].alive

    # Workers

    def _crash(self, fault: PlannedFault) -> bool:
        assert fault.target
        self.restart_after[fault.target] = max(0.1, fault.seconds)
        self.world.crash_planned(fault.target)
        return True

    def _stall(self, fault: PlannedFault) -> bool:
        assert fault.target
        self.world.stall_worker(fault.target, fault.seconds)
        return True

    def _stop(self, fault: PlannedFault) -> bool:
        assert fault.target
        self.restart_after[fault.target] = max(0.1, fault.seconds)
        self.world.tell_to_stop(fault.target)
        return True

    def _rolling_restart(self, fault: PlannedFault) -> bool:
        for index, planned in enumerate(self.world.plan.workers):
            stop = PlannedFault(fault.at, 'stop', planned.name, 0.5)
            self.at(self.world.clock.monotonic() + index * 4.0, partial(self.strike, stop))
        return True

    def _clock_step(self, fault: PlannedFault) -> bool:
        assert fault.target
        if self.world.explored.is_embedded:  # whose clock is that of its only host
            return False
        one = self.world.workers[fault.target]
        self.world.clocks[one.process].skew += fault.seconds
        self.steps.append((self.world.clock.monotonic(), fault.target, fault.seconds))
        self.world.timeline.add(
            'fault', worker=fault.target, fault=f'its clock steps by {fault.seconds:g} s'
        )
        return True

    # The database

    def _connections_drop(self, _: PlannedFault) -> bool:
        self.world.timeline.add('fault', fault='all connections drop')
        self.world.faults.drop_connections()
        return True

    def _connection_mute(self, fault: PlannedFault) -> bool:
        assert fault.target
        self.world.faults.muted.add(self.world.workers[fault.target].process)
        return True

    def _database_down(self, fault: PlannedFault) -> bool:
        self.world.database_down(fault.seconds)
        return True

    def _database_hang(self, fault: PlannedFault) -> bool:
        self.world.database_hang(fault.seconds)
        return True

    def _database_read_only(self, fault: PlannedFault) -> bool:
        self.world.database_read_only(fault.seconds)
        return True

    def _database_flaps(self, fault: PlannedFault) -> bool:
        """Away or hanging again and again, with moments between in which it answers."""
        chance = random.Random(f'{self.world.seed}/{fault}')
        now = self.world.clock.monotonic()
        at = now
        while at < now + fault.seconds:
            away = chance.uniform(0.1, 0.6) * fault.seconds
            strike = chance.choice([self.world.database_down, self.world.database_hang])
            if at + away < self.world.plan.calm_at:
                self.at(at, partial(strike, away))
            at += away + SHORTEST * (LONGEST / SHORTEST) ** chance.random()
        return True

    def _storm(self, fault: PlannedFault) -> bool:
        """For a while statements and commits fail at random, in one way or several."""
        chance = random.Random(f'{self.world.seed}/{fault}')
        kinds = chance.sample(FAULTS, chance.randint(1, len(FAULTS)))
        part = chance.choice([0.1, 0.3, 0.6])
        ends = self.world.clock.monotonic() + fault.seconds
        self._storm_now = Storm(ends, kinds, part, chance)
        told = f'{part:.0%} of all writes meet {", ".join(kinds)}'
        self.world.timeline.add('fault', fault=told, seconds=fault.seconds)
        return True

    def next_of_storm(self, kinds: tuple[str, ...], _node: str) -> str | None:
        """What the storm of now does to a write, if there is one."""
        storm = self._storm_now
        if storm is None or storm.ends < self.world.clock.monotonic():
            return None
        return storm.strikes(kinds)

    def _database_slow(self, fault: PlannedFault) -> bool:
        self.world.timeline.add('fault', fault='database is slow', seconds=fault.seconds)
        self.world.slowness = SLOW
        self.at(self.world.clock.monotonic() + fault.seconds, self._fast)
        return True

    def _fast(self) -> None:
        self.world.slowness = 1.0

    def _row_lock(self, fault: PlannedFault) -> bool:
        job = self._locked_by(fault)
        if job is None:
            return False
        gevent.spawn(self._hold, job, fault.seconds)
        return True

    def _locked_by(self, fault: PlannedFault) -> str | None:
        """A job that has not ended, often the one that is due first."""
        chance = random.Random(f'{self.world.seed}/{fault}')
        rows = self.world.ledger.rows.values()
        pending = sorted((row.run_at or 0.0, row.id) for row in rows if row.status == 'pending')
        running = sorted(row.id for row in rows if row.status == 'running')
        if pending and chance.random() < 0.5:
            return pending[0][1]
        return chance.choice([*(job for _, job in pending), *running] or [None])

    def _hold(self, job: str, seconds: float) -> None:
        """Lock its row for `seconds` from now, in which another may have it first."""
        ends = min(self.world.clock.monotonic() + seconds, self.world.plan.calm_at)
        try:
            release = self.world.explored.hold(job)
        except err.OperationalError:
            return  # a lock wait of its own
        if release is None:
            return
        left = round(ends - self.world.clock.monotonic(), 3)
        if left > 0:
            self.world.timeline.add('fault', job=job, fault='its row is locked', seconds=left)
            gevent.sleep(left)
        release()

    # Channels

    def _channel(self, fault: PlannedFault) -> bool:
        name, _, what = fault.kind.partition(' ')
        channel = getattr(self.world, name)
        match what:
            case 'down' | 'hang':
                strike = getattr(channel, what)
                strike(fault.seconds)
                self._ends.setdefault(name, []).append(strike)
            case 'slow':
                channel.latency = SLOW_CHANNEL
            case 'error':
                channel.status = 500
        self.at(self.world.clock.monotonic() + fault.seconds, self._heal_channels_of(name, what))
        return True

    def _heal_channels_of(self, name: str, what: str) -> Callable[[], None]:
        def heal() -> None:
            channel = getattr(self.world, name)
            if what == 'slow':
                channel.latency = self.world.plan.channel_latency
            if what == 'error':
                channel.status = 200

        return heal

    # The end of all this

    def heal(self) -> None:
        """All faults are over; what was stopped is started."""
        world = self.world
        world.timeline.add('fault', fault='all faults are over')
        world.faults.pending.clear()
        world.faults.muted.clear()
        self._armed.clear()
        self._storm_now = None
        world.faults.down_until = world.faults.hang_until = world.faults.read_only_until = 0.0
        self._fast()
        for channel in (world.slack, world.sms):
            channel.latency, channel.status = world.plan.channel_latency, 200
            for end in self._ends.pop(channel.name, ()):
                end(0)
        for one in world.workers.values():
            one.node.resume()
        now = world.clock.monotonic()
        self.past = [
            one if one.kind in _OUTLAST else replace(one, ends=min(one.ends, now))
            for one in self.past
        ]
