"""How processes end, that jobs do, and that nothing is left over."""

from wumai.job import RUNNING
from wumai_testing.explore.checkers.base import LAST_WORDS, Checker
from wumai_testing.explore.options import OF_THE_DATABASE
from wumai_testing.faults import FAULTS
from wumai_testing.simulation import SimulatedWorker

_UNEXPECTED = ('a turn of the worker failed', 'the heartbeat failed', 'are not known')
_HINDERS = OF_THE_DATABASE | {'row lock', 'connection mute', *FAULTS}
"""What may hold up a stop; the stop itself is no excuse."""
WATCHDOG = 75
CLEANUP = 2.0
"""Seconds that an interrupted handler is given at a stop, after grace."""
FLUSH = 5.0
"""Seconds that messages on their way are given at a stop."""
LINGERS = 120.0
"""Seconds for which a message may wait for a channel."""
CONNECTIONS = 5
"""That the pools of a worker keep, its heartbeat's included."""


class Stops(Checker):
    """After a graceful stop no job of that worker is running."""

    invariant = '11: a graceful stop leaves nothing running'

    def exited(self, one: SimulatedWorker, code: int | None) -> None:
        told_at = self.world.stopping.get(one.process)
        if told_at is None or code is None:
            return
        grace = self.world.plan.options['grace']
        took = self.now - told_at
        flush = LAST_WORDS if code == WATCHDOG else FLUSH
        limit = grace + CLEANUP + 1 + self.slack() + (flush if self._has_messages(one) else 0)
        if code == 0:
            for row in self.ledger.rows.values():
                if row.status == RUNNING and row.owner == one.process:
                    self.fail(f'{one.process} has stopped and holds {self.name(row.id)}', row.id)
        elif code != WATCHDOG and not self._hindered(one, told_at - 100):
            self.fail(f'{one.process} stops with code {code}')
        if took > limit and not self._hindered(one, told_at - 10):
            self.fail(f'{one.process} takes {took:g} s to stop, its grace is {grace:g} s')

    def _hindered(self, one: SimulatedWorker, since: float) -> bool:
        troubled = self.troubled(since, self.now, one.process, kinds=_HINDERS)
        return troubled or self.stalled(since, self.now)

    def _has_messages(self, one: SimulatedWorker) -> bool:
        """Whether some may still be on their way."""
        return any(
            failure.process == one.process and failure.at > self.now - LINGERS
            for failure in self.ledger.failures
        )


class Loops(Checker):
    """Nothing that goes wrong ends a worker, or even one of its greenlets."""

    invariant = '12: the loop survives'

    def exited(self, one: SimulatedWorker, code: int | None) -> None:
        if one.failure is not None:
            failure, one.failure = one.failure, None
            self.fail(f'{one.process} ends with {type(failure).__name__}: {failure}')
        elif code == WATCHDOG:
            self._check_watchdog(one)
        elif code not in (None, 0) and one.process not in self.world.stopping:
            self.fail(f'{one.process} leaves with code {code}')

    def _check_watchdog(self, one: SimulatedWorker) -> None:
        options = self.world.plan.options
        limit = options['exec_timeout'] + options['grace']
        runs = [run for run in self.ledger.runs if run.process == one.process]
        # One that ended while the process was already on its way out counts as well.
        ages = [(run.ended_at or self.now) - (run.began_at or self.now) for run in runs]
        if max(ages, default=0.0) < limit - 0.01:
            self.fail(f'{one.process} leaves though no try is past exec_timeout + grace')

    def check(self) -> None:
        """Called between two steps."""
        if self.world.greenlet_errors:
            self.fail(f'a greenlet of a worker ends:\n{self.world.greenlet_errors[0]}')
        lines = self.world.logs.lines
        while self._read < len(lines):
            line = lines[self._read]
            self._read += 1
            if any(words in line.message for words in _UNEXPECTED):
                self.fail(f'unexpected: {line.message[:1500]}')

    _read = 0


class Endings(Checker):
    """Once faults stop, every job ends. The run itself finds out; this only tells."""

    invariant = '5: once faults stop, every job ends'


class Leaks(Checker):
    """Nothing is held at the end."""

    invariant = 'no leaks: greenlets, connections, locks'

    def idle(self) -> None:
        most = self.world.greenlets_at_rest
        for one in self.world.workers.values():
            if one.alive and (count := self.world.greenlets_of(one)) > most:
                self.fail(f'{one.process} has {count} greenlets at rest, {most} are its own')
            handlers = self.world.plan.options['exec_size']  # each may have kept one in the pool
            if one.alive and (count := self.world.connections_of(one)) > CONNECTIONS + handlers:
                self.fail(f'{one.process} has {count} connections at rest')
        if not self.world.explored.is_quiet():
            self.fail('a transaction is left open')

    def over(self) -> None:
        if not self.world.explored.is_quiet():
            self.fail('a transaction is left open')
