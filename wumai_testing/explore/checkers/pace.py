"""How much is done at a time, how soon, and for how long."""

import math
from collections import Counter
from collections.abc import Iterator

from wumai.job import PENDING
from wumai.worker.ahead import CALM
from wumai_testing.explore.checkers.base import CHANNELS, Checker
from wumai_testing.explore.faults import Trouble
from wumai_testing.explore.ledger import APP, Move, Row, Run

STATEMENTS = 250
"""That a process may send in a virtual second in which it changes nothing: in the first one of an
outage each of its three greenlets makes eight attempts, each on a new connection.
"""
READ_AHEAD = 1.0
"""Seconds for which a worker goes by what it has read of the table."""
A_MOVE = 60
"""And as many more for each change that it commits."""


class Places(Checker):
    """A worker runs at most exec_size handlers, and claims no more than it has places."""

    invariant = '10: no more than exec_size handlers at once'

    def began(self, run: Run | None, process: str, job: str, n: int) -> None:  # noqa: ARG002
        running = len(self.ledger.running_in(process)) + 1
        if running > self.world.plan.options['exec_size']:
            self.fail(f'{process} runs {running} handlers', job)

    def moved(self, move: Move) -> None:
        if move.kind != 'claim':
            return
        options = self.world.plan.options
        fresh = [
            run
            for run in self.ledger.runs
            if run.process == move.process and run.claimed_at == move.at
        ]
        taken = len(self.ledger.running_in(move.process)) + len(fresh)
        if taken > options['exec_size']:
            self.fail(f'{move.process} claims for {taken} places', move.job)
        if len(fresh) > options['pick_size']:
            self.fail(f'{move.process} claims {len(fresh)} jobs at once', move.job)


class Timeouts(Checker):
    """A try that runs past exec_timeout is interrupted, and fails."""

    invariant = '8: a try past exec_timeout fails as a timeout'

    def moved(self, move: Move) -> None:
        run, after = move.run, move.after
        if move.kind != 'outcome' or run is None or after is None:
            return
        late = self._late(run)
        is_timeout = (after.error or '').startswith('timeout')
        if after.status == 'finished' and late > 0.01 and not self._stood_still(run):
            self.fail(f'{self.name(move.job)} is finished {late:g} s past exec_timeout', move.job)
        if is_timeout and late < -0.01:
            self.fail(f'{self.name(move.job)} timed out {-late:g} s too early', move.job)

    def ended(self, run: Run) -> None:
        late = self._late(run)
        if run.action in ('Slow', 'Quick', 'Flaky') and late > 0.01 and not self._stood_still(run):
            self.fail(f'{self.name(run.job)} was stopped {late:g} s past exec_timeout', run.job)

    def _late(self, run: Run) -> float:
        if run.began_at is None:
            return 0.0
        ended = run.ended_at if run.ended_at is not None else self.now
        return ended - run.began_at - float(self.world.plan.options['exec_timeout'])

    def _stood_still(self, run: Run) -> bool:
        name = run.process.partition('#')[0]
        return any(
            one.kind == 'stall'
            and one.target == name
            and one.ends >= (run.began_at or 0.0)
            and one.begins <= self.now
            for one in self.troubles.past
        )


class Lateness(Checker):
    """A due job is begun within poll_interval + 1 s while a place is free and nothing is wrong."""

    invariant = '7: a due job begins soon while places are free'

    def moved(self, move: Move) -> None:
        before = move.before
        if move.kind != 'claim' or before is None:
            return
        due = max(before.run_at or 0.0, self._pending_since(move))
        patience = self.world.plan.options['poll_interval'] + 1 + self.slack()
        patience += self.clock_error(move.process, due)
        free = self._free_since(move)
        late = move.at - max(due, free)
        if late > patience and not self._hindered(move, min(due, free) - 70):
            self.fail(f'{self.name(move.job)} begins {late:g} s after it could', move.job)

    def _hindered(self, move: Move, since: float) -> bool:
        return any(
            one.target is None and one.begins <= move.at and since <= one.ends
            for one in self._hindrances(move)
        )

    def _hindrances(self, move: Move) -> Iterator[Trouble]:
        """What may hold up a claim; a lock on another row may only where it cannot be skipped."""
        skips = self.world.plan.server.get('skips_locked', True)
        for one in self.troubles.past:
            is_of_another = one.job is not None and one.job != move.job
            if not (one.kind.startswith(CHANNELS) or (skips and is_of_another)):
                yield one

    def _pending_since(self, move: Move) -> float:
        earlier = [one.at for one in self.ledger.moves if one.job == move.job and one is not move]
        return max(earlier, default=0.0)

    def _free_since(self, move: Move) -> float:
        """Since when the claimer, at least, has had a free place and no trouble."""
        one = self.worker(move.process)
        started = self.started.get(move.process, 0.0)
        ends = [
            run.ended_at or run.closed_at or run.claimed_at
            for run in self.ledger.runs
            if run.process == move.process and run.claimed_at < move.at
        ]
        hurt = [
            trouble.ends + 5
            for trouble in self._hindrances(move)
            if one is not None and trouble.target in (None, one.name)
        ]
        return max([started + 1, *ends, *hurt])

    @property
    def started(self) -> dict[str, float]:
        return self.world.started


class Turns(Checker):
    """Where one worker is alone, what is due first begins first."""

    invariant = 'fairness: what is due first begins first'

    def began(self, run: Run | None, process: str, job: str, n: int) -> None:  # noqa: ARG002
        if run is None or len(self.world.plan.workers) > 1:
            return
        unseen = run.claimed_at - READ_AHEAD - self.slack()
        if self.troubled(unseen - 30, run.claimed_at, process):
            return
        if self._is_by_lot(unseen - READ_AHEAD - CALM):
            return
        due = self._due(self.ledger.rows[job])
        for row in self.ledger.rows.values():
            waits = row.status == PENDING and self._due(row) < min(due - 1, unseen)
            if waits and self._changed(row.id) < unseen:
                self.fail(f'{self.name(job)} begins before {self.name(row.id)}, due earlier', job)

    def _is_by_lot(self, since: float) -> bool:
        """Whether a user has taken away what the worker may have drawn, which to it looks like
        another worker.
        """
        return any(
            move.kind == 'cancel' and move.before is not None and move.before.status == PENDING
            for move in self.ledger.moves
            if move.at > since
        )

    def _due(self, row: Row) -> float:
        return row.run_at if row.run_at is not None else -math.inf

    def _changed(self, job: str) -> float:
        return next(move.at for move in reversed(self.ledger.moves) if move.job == job)


class Work(Checker):
    """No process does without end what changes nothing."""

    invariant = 'bounded work: no hot loop'

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._moves: Counter[str] = Counter()
        self._second = 0

    def moved(self, move: Move) -> None:
        self._moves[move.process] += 1

    def check(self) -> None:
        """Called between two steps; looks once a virtual second."""
        second = int(self.now)
        if second == self._second:
            return
        self._second = second
        sent = self.world.statements
        for process, count in sent.items():
            # On its way there, and back again.
            if count / 2 > STATEMENTS + A_MOVE * self._moves[process] and process != APP:
                self.fail(f'{process} sends {count // 2} statements in a second')
        sent.clear()
        self._moves.clear()
