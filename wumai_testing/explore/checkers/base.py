"""What a checker is."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar

from wumai_testing.explore.faults import Troubles
from wumai_testing.explore.ledger import Ledger, Move, Run
from wumai_testing.explore.world import World
from wumai_testing.simulation import SimulatedWorker
from wumai_testing.timeline import Event

CHANNELS = ('slack', 'sms')
ASKED_EACH = 60.0
"""Seconds after which a worker asks the database again for its time."""

LAST_WORDS = 10.0
"""Seconds that channels are given before a watchdog ends its process."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold."""

    invariant: str
    message: str
    at: float
    job: str | None = None

    def __str__(self) -> str:
        return f'{self.invariant}: {self.message}'


class Checker:
    """Looks at what happens; `broken` is the first thing that should not have."""

    invariant: ClassVar[str]
    """What it stands for: its number in the design where it has one, and a sentence."""

    def __init__(self, world: World, troubles: Troubles) -> None:
        self.world = world
        self.troubles = troubles
        self.broken: Broken | None = None

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    @property
    def now(self) -> float:
        return self.world.clock.monotonic()

    def fail(self, message: str, job: str | None = None) -> None:
        """Note that the invariant is broken here and now."""
        if self.broken is None:
            self.broken = Broken(self.invariant, message, self.now, job)
            self.world.timeline.add('broken', job=job, invariant=self.invariant, message=message)

    # What happens

    def moved(self, move: Move) -> None:
        """A commit has changed a job's row."""

    def began(self, run: Run | None, process: str, job: str, n: int) -> None:
        """A handler is about to begin; `run` is the claim that it runs under, if there is one."""

    def ended(self, run: Run) -> None:
        """A handler has ended."""

    def sleeps_on(self, run: Run) -> None:
        """A handler that was interrupted before begins to sleep."""

    def exited(self, one: SimulatedWorker, code: int | None) -> None:
        """A process has ended; None is a crash."""

    def happened(self, event: Event) -> None:
        """Something else is in the timeline."""

    def healed(self) -> None:
        """All faults are over."""

    def idle(self) -> None:
        """All jobs have ended; the workers still run."""

    def over(self) -> None:
        """All workers have been stopped."""

    # Helpers

    def after(self, seconds: float, look: Callable[[], None]) -> None:
        """Call `look` when so many virtual seconds have passed, if the run is not over then."""
        self.troubles.at(self.now + seconds, look)

    def name(self, job: str) -> str:
        return self.world.timeline.name(job)

    def worker(self, process: str) -> SimulatedWorker | None:
        one = self.world.workers.get(process.partition('#')[0])
        return one if one is not None and one.process == process else None

    def troubled(
        self, begins: float, ends: float, *processes: str, kinds: Collection[str] | None = None
    ) -> bool:
        """Whether anything was wrong in this time, with one of these processes or with all; with
        `kinds`, anything of these. Channels are no excuse for anything but their own messages.
        """
        names = {process.partition('#')[0] for process in processes}
        return any(
            one.begins <= ends and begins <= one.ends and one.target in (None, *names)
            for one in self.troubles.past
            if (one.kind in kinds if kinds is not None else not one.kind.startswith(CHANNELS))
        )

    def stalled(self, begins: float, ends: float) -> bool:
        """Whether anyone stood still in this time, perhaps with rows locked."""
        return self.troubled(begins, ends, *self.world.started, kinds=('stall',))

    def leaves(self, process: str) -> bool:
        """Whether the watchdog of a process ends it, so that it begins nothing more."""
        options = self.world.plan.options
        limit = self.now - options['exec_timeout'] - options['grace']
        return any(
            run.process == process and run.began_at is not None and run.began_at <= limit
            for run in self.ledger.runs
            if run.ended_at is None or self._may_be_last_words(run.process, run.ended_at)
        )

    def _may_be_last_words(self, process: str, since: float) -> bool:
        stood_still = self.troubled(since, self.now, process, kinds=('stall',))
        return self.now - since <= LAST_WORDS or stood_still

    def slack(self) -> float:
        """Seconds that a few statements may take on their way."""
        return 0.05 + 40 * self.world.plan.latency * self.world.slowness

    def clock_error(self, process: str, since: float, until: float = math.inf) -> float:
        """Seconds by which the time of a process may have been wrong after `since`, by what has
        happened before `until`.
        """
        name = process.partition('#')[0]
        steps = sum(
            abs(seconds)
            for at, target, seconds in self.troubles.steps
            if target == name and since - ASKED_EACH - 10 <= at <= until
        )
        clock = self.world.clocks.get(process)
        drift = abs(clock.drift) * 2 * ASKED_EACH if clock else 0.0
        return steps + drift
