"""What must soon follow: an outcome the end of a handler, an interrupt the loss of a lease."""

from collections.abc import Callable
from dataclasses import dataclass

from wumai_testing.explore.checkers.base import LAST_WORDS, Checker
from wumai_testing.explore.ledger import Move, Run

OUTCOME = 5.0
"""Seconds from the end of a handler until its outcome is committed."""
LOSS = 2.0
"""Seconds more than a third of a lease until the handler of a lost lease is interrupted."""
AGAIN = 1.05
"""Seconds that a handler may sleep after it was interrupted."""
WATCHDOG = 3.0
"""Seconds more than that until a handler that cannot be interrupted ends its process."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What must have happened after so many seconds in which nothing was wrong."""

    run: Run
    seconds: float
    kept: Callable[[], bool]
    broken: str


class Follows(Checker):
    """Looks whether promises are kept, by processes that live and have had no trouble."""

    def promise(self, run: Run, seconds: float, kept: Callable[[], bool], broken: str) -> None:
        self._wait(Promise(run, seconds + self.slack(), kept, broken))

    def _wait(self, one: Promise) -> None:
        self.after(one.seconds, lambda: self._look(one))

    def _look(self, one: Promise) -> None:
        if one.kept() or one.run.dead:
            return
        if self._is_hindered(one.run.process, self.now - one.seconds):
            self._wait(one)
        else:
            told = f'{self.name(one.run.job)}: {one.broken} for {one.seconds:g} s, '
            self.fail(f'{told}and nothing hinders {one.run.process}', one.run.job)

    def _is_hindered(self, process: str, since: float) -> bool:
        return self.troubled(since, self.now, process) or self.stalled(since, self.now)


class Outcomes(Follows):
    """The outcome of a try is committed soon after its handler has ended."""

    invariant = '5: an outcome soon follows the end of its handler'

    def ended(self, run: Run) -> None:
        self.promise(run, OUTCOME, lambda: run.closed_at is not None, 'no outcome is written')


class Losses(Follows):
    """A handler whose job is no longer its worker's is stopped."""

    invariant = '3: a lost lease stops its handler'

    def moved(self, move: Move) -> None:
        run = move.run
        if run is None or move.kind == 'renew' or move.process == run.process:
            return
        third = self.world.plan.options['lease'] / 3
        self.promise(
            run,
            third + LOSS,
            lambda: run.began_at is None or run.ended_at is not None or run.interrupted(),
            'its handler is not told that its lease is lost',
        )


class Interrupts(Checker):
    """A handler that swallows an interrupt and sleeps on is interrupted again."""

    invariant = '8: who swallows an interrupt is interrupted again each second'

    def sleeps_on(self, run: Run) -> None:
        since = self.now
        self.after(AGAIN, lambda: self._look(run, since))

    def _look(self, run: Run, since: float) -> None:
        if run.asleep_since != since or run.dead or run.process in self.world.stopping:
            return
        if not self.troubled(since, self.now, run.process, kinds=('stall',)):
            self.fail(f'{self.name(run.job)} was interrupted, and sleeps on undisturbed', run.job)


class Watchdogs(Follows):
    """No handler runs for long past exec_timeout and grace."""

    invariant = '8: a try that cannot be ended ends its process'

    def began(self, run: Run | None, process: str, job: str, n: int) -> None:  # noqa: ARG002
        if run is None:
            return
        options = self.world.plan.options
        limit = options['exec_timeout'] + options['grace'] + options['lease'] / 3 + WATCHDOG
        if any(fault.kind.startswith(('slack', 'sms')) for fault in self.world.plan.faults):
            limit += LAST_WORDS
        self.promise(run, limit, lambda: run.ended_at is not None, 'its handler still runs')
