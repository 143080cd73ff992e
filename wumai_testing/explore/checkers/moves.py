"""What a single committed change of a row may be."""

import json

from wumai.job import ERROR, FINISHED, PENDING, WORKER_LOST
from wumai_testing.explore.checkers.base import Checker
from wumai_testing.explore.ledger import APP, Move, Row, Run

_WOULD_NOT_END = 'timeout: the try could not be ended'
UNSTORABLE = ('the result cannot be stored', 'the outcome cannot be stored')
_UNREAD = 'UnknownAction'
"""What has failed before its params were looked at."""
_HOLDS_UP: tuple[str, ...] = ('stall', 'database slow', 'row lock')


class DueTimes(Checker):
    """A try begins only from pending, and not before run_at."""

    invariant = '1: a try begins only when it is due'

    def moved(self, move: Move) -> None:
        if move.kind != 'claim' or move.before is None or move.before.run_at is None:
            return
        early = move.before.run_at - move.at
        if early > self.clock_error(move.process, move.at) + 0.001:
            self.fail(f'{self.name(move.job)} is claimed {early:g} s before it is due', move.job)

    def began(self, run: Run | None, process: str, job: str, n: int) -> None:
        if run is None:
            self.fail(f'{process} runs try {n} of {self.name(job)} without a claim', job)
        elif run.began_at is not None:
            self.fail(f'{process} runs try {n} of {self.name(job)} twice', job)


class Owners(Checker):
    """Between a claim and its end only its owner writes; others after its lease."""

    invariant = '2, 3: only who holds a job writes about it'

    def moved(self, move: Move) -> None:
        match move.kind:
            case 'claim':
                self._check_claim(move)
            case 'renew' | 'outcome' | 'release':
                self._check_owner(move)
            case 'rescue':
                self._check_rescue(move)
            case 'stolen' | 'odd':
                self._odd(move)

    def _odd(self, move: Move) -> None:
        before, after = move.before, move.after
        assert before is not None
        assert after is not None
        self.fail(
            f'{move.process} makes {self.name(move.job)} {after.status} from {before.status}'
            + (' under another token' if move.kind == 'stolen' else ''),
            move.job,
        )

    def _check_claim(self, move: Move) -> None:
        after = move.after
        assert after is not None
        if after.owner != move.process:
            self.fail(f'{move.process} claims {self.name(move.job)} for {after.owner}', move.job)
        used = [r for r in self.ledger.runs if (r.job, r.token) == (move.job, after.result)]
        if len(used) > 1:
            self.fail(f'a token is used twice for {self.name(move.job)}', move.job)

    def _check_owner(self, move: Move) -> None:
        before, after = move.before, move.after
        assert before is not None
        assert after is not None
        if before.owner != move.process:
            self.fail(
                f'{move.process} writes {move.kind} of {self.name(move.job)}, '
                f'which {before.owner} holds',
                move.job,
            )
        if move.kind == 'renew' and after.trys != before.trys:
            self.fail(f'a heartbeat changes trys of {self.name(move.job)}', move.job)

    def _check_rescue(self, move: Move) -> None:
        before = move.before
        assert before is not None
        lease = self.world.plan.options['lease']
        if before.updated is None or before.owner is None:
            return
        # Two looks, a third of a lease apart: what its clock does after the first counts no more.
        changed = self._last_change(move)
        since = min(changed, before.updated)  # which a clock that has stepped wrote
        error = self.clock_error(move.process, since, move.at - lease / 3)
        error += self.clock_error(before.owner, since)
        age = move.at - before.updated
        still = move.at - changed
        if age < lease * 4 / 3 - error - 0.01 or still < lease / 3 - 0.01:
            self.fail(
                f'{move.process} rescues {self.name(move.job)} {age:g} s after it was renewed, '
                f'with a lease of {lease:g} s',
                move.job,
            )
        self._check_life(move, before.owner)

    def _last_change(self, move: Move) -> float:
        earlier = (one.at for one in reversed(self.ledger.moves) if one.job == move.job)
        next(earlier)  # the rescue itself
        return next(earlier, 0.0)

    def _check_life(self, move: Move, owner: str) -> None:
        """A worker that lives keeps its jobs, through outages and with any clock: only what
        stands still, or waits for slow answers and locked rows, may lose them.
        """
        one = self.worker(owner)
        if one is None or not one.alive:
            return
        lease = self.world.plan.options['lease']
        if lease / 3 < 40 * self.world.plan.latency:
            return  # answers may take too long at any time
        since = move.at - 3 * lease - 10
        kinds = _HOLDS_UP
        if not self.world.plan.server.get('skips_locked', True):
            kinds = (*kinds, 'connection mute')  # who waits for what it locked gets that at once
        if not self.troubled(since, move.at, owner, move.process, kinds=kinds):
            self.fail(f'{move.process} rescues {self.name(move.job)}, whose worker lives', move.job)


class Tries(Checker):
    """`trys` grows by one a claim and never passes try_max."""

    invariant = '4: trys counts the tries, up to try_max'

    def moved(self, move: Move) -> None:
        before, after = move.before, move.after
        if before is None or after is None:
            return
        allowed = {
            'claim': before.trys + 1,
            'release': before.trys - 1,
            'retry': 0,
        }.get(move.kind, before.trys)
        if after.trys != allowed:
            self.fail(
                f'{move.kind} of {self.name(move.job)}: trys {before.trys} -> {after.trys}',
                move.job,
            )
        if move.kind == 'claim' and after.trys > after.try_max:
            self.fail(f'{self.name(move.job)} begins try {after.trys} of {after.try_max}', move.job)
        if after.trys < 0:
            self.fail(f'{self.name(move.job)} has {after.trys} tries', move.job)
        if after.action != before.action or after.params != before.params:
            self.fail(f'action or params of {self.name(move.job)} change', move.job)
        if move.kind == 'unrun' and move.process != APP and not _never_runs(move):
            self.fail(f'{self.name(move.job)} ends unrun: {after.error!r:.100}', move.job)


def _never_runs(move: Move) -> bool:
    before = move.before
    assert before is not None
    return before.trys >= before.try_max


class Results(Checker):
    """One outcome a job, and one that says what its handler did."""

    invariant = '6: no job is lost, none has a second outcome'

    def moved(self, move: Move) -> None:
        before, after = move.before, move.after
        if after is None:
            self.fail(f'{self.name(move.job)} is gone', move.job)
        elif before is not None and before.status == FINISHED:
            self.fail(f'{self.name(move.job)} is {after.status} after it was finished', move.job)
        elif before is not None and before.status == ERROR and move.kind != 'retry':
            self.fail(f'{self.name(move.job)} is {after.status} after it ended in error', move.job)
        elif move.kind == 'outcome' and move.run is not None:
            self._check_outcome(move, move.run)
        elif move.kind == 'release' and move.run is not None:
            self._check_release(move, move.run)

    def _check_outcome(self, move: Move, run: Run) -> None:
        after = move.after
        assert after is not None
        how = run.how or ('runs' if run.began_at is not None else 'never began')
        if after.status == FINISHED:
            if run.how != 'returned':
                self.fail(f'{self.name(move.job)} is finished, its handler {how}', move.job)
            elif after.result != run.result:
                self.fail(
                    f'the result of {self.name(move.job)} is {after.result!r:.60}, '
                    f'its handler returned {run.result!r:.60}',
                    move.job,
                )
        elif run.how == 'returned' and not self._may_fail(run, after.error or ''):
            self.fail(
                f'{self.name(move.job)} fails with {after.error!r:.80}, its handler returned',
                move.job,
            )
        elif run.how != 'returned' and (after.error or '').startswith(UNSTORABLE):
            told = f'{after.error!r:.80}'
            self.fail(f'{self.name(move.job)} has {told} instead of its error', move.job)
        elif run.how == 'raised GiveUp' and after.status != ERROR:
            self.fail(f'{self.name(move.job)} gave up and is {after.status}', move.job)

    def _may_fail(self, run: Run, error: str) -> bool:
        assert run.began_at is not None
        assert run.ended_at is not None
        late = run.ended_at - run.began_at >= self.world.plan.options['exec_timeout'] - 0.001
        # The last: a watchdog hands back what has just ended, its outcome on its way.
        given_up = error.startswith('timeout') and late
        return error.startswith(UNSTORABLE) or given_up or error == WORKER_LOST

    def _check_release(self, move: Move, run: Run) -> None:
        stopping = run.process in self.world.stopping
        if run.how in ('raised RunLater', 'interrupted: Stopped') or stopping:
            return
        if run.began_at is None and self.leaves(run.process):
            return
        self.fail(f'{self.name(move.job)} is handed back, its handler {run.how}', move.job)

    def over(self) -> None:
        for row in self.ledger.rows.values():
            if row.status not in (FINISHED, ERROR):
                self.fail(f'{self.name(row.id)} is {row.status} at the end', row.id)


def _is_object(params: str | None) -> bool:
    try:
        return isinstance(json.loads(params or '{}'), dict)
    except ValueError:
        return False


class Retries(Checker):
    """A failed try with tries left is due try_period after its failure; the last one is final."""

    invariant = '7: a retry is due try_period after the failure'

    def moved(self, move: Move) -> None:
        before, after = move.before, move.after
        if before is None or after is None or move.kind not in ('outcome', 'rescue'):
            return
        if after.status == PENDING and before.trys >= before.try_max:
            self.fail(f'{self.name(move.job)} is due again after its last try', move.job)
        elif after.status == ERROR and before.trys < before.try_max and self._is_failure(move):
            self.fail(
                f'{self.name(move.job)} gives up after try {before.trys} of {before.try_max}',
                move.job,
            )
        elif after.status == PENDING and after.error == WORKER_LOST:
            self._check_rescue(move)
        elif after.status == PENDING:
            self._check_params(move)
            self._check_time(move)

    @staticmethod
    def _is_failure(move: Move) -> bool:
        assert move.after is not None
        error = move.after.error or ''
        final = move.run is not None and move.run.how == 'raised GiveUp'
        return not (final or error.startswith((*UNSTORABLE, 'params are no JSON')))

    def _check_params(self, move: Move) -> None:
        before, after = move.before, move.after
        assert before is not None
        assert after is not None
        if not _is_object(before.params) and not (after.error or '').startswith(_UNREAD):
            self.fail(f'{self.name(move.job)} is tried again, its params are no JSON', move.job)

    def _check_time(self, move: Move) -> None:
        after, run = move.after, move.run
        assert after is not None
        if run is None or run.host_ended_at is None or after.run_at is None:
            return
        wait = after.run_at - run.host_ended_at
        if not -0.01 - self._given_up_before(run, after) <= wait - after.try_period <= 1.01:
            self.fail(
                f'{self.name(move.job)} is due {wait:g} s after its failure, '
                f'its try_period is {after.try_period} s',
                move.job,
            )

    def _given_up_before(self, run: Run, after: Row) -> float:
        """Seconds before its end at which the watchdog failed a try that would not end."""
        if not (after.error or '').startswith(_WOULD_NOT_END):
            return 0.0
        assert run.began_at is not None
        assert run.ended_at is not None
        options = self.world.plan.options
        limit = run.began_at + float(options['exec_timeout'] + options['grace'])
        return max(0.0, run.ended_at - limit)

    def _check_rescue(self, move: Move) -> None:
        after = move.after
        assert after is not None
        error = self.clock_error(move.process, move.at)
        if after.run_at is None or after.run_at > move.at + error + 1:
            self.fail(f'{self.name(move.job)} is rescued and not due at once', move.job)
