"""Writes outcomes: whatever has gathered goes into one transaction, and is kept until it is in."""

from collections import deque
from dataclasses import dataclass

import gevent
from gevent import monkey
from gevent.event import Event

from wumai import logger
from wumai.common import local
from wumai.job import ERROR, PENDING, Outcome
from wumai.runtime import Runtime
from wumai.store.db_errors import InDoubt, Rejected, StoreError, Unavailable
from wumai.worker.backoff import Backoff
from wumai.worker.running import Running, Try
from wumai.worker.telling import failure

GROUP = 100
"""Outcomes in one transaction, at most."""
APART = 2
"""Failures of a group after which each of its outcomes is written by itself."""
SHORT = 200
"""Characters of the error that takes the place of one that cannot be stored."""


@dataclass(eq=False, slots=True)
class _Entry:
    running: Try
    outcome: Outcome
    failures: int = 0
    """Attempts that failed while the database was there."""
    replaced: bool = False
    doubted: bool = False
    """It may be in the store by an attempt whose commit was interrupted."""
    handed_over: bool = False
    backoff: Backoff | None = None
    """Its own, where it alone cannot be written."""


class OutcomeWriter:
    """A queue, and the greenlet that empties it into the store."""

    def __init__(self, runtime: Runtime, running: Running) -> None:
        self._runtime = runtime
        self._running = running
        self._queue: deque[_Entry] = deque()
        self._writing: list[_Entry] = []
        self._put_off: list[_Entry] = []
        # The heartbeat's thread is handed what this greenlet may be about to settle.
        self._settling = monkey.get_original('_thread', 'allocate_lock')()
        self._arrived = Event()
        self._drained = Event()
        self._drained.set()
        self._backoff = Backoff(runtime)

    def put(self, running: Try, outcome: Outcome) -> None:
        """Have `outcome` written; its lease is renewed until it is."""
        self._queue.append(_Entry(running, self._fitted(outcome)))
        self._drained.clear()
        self._arrived.set()

    def unwritten(self) -> list[tuple[Try, Outcome]]:
        """What is not known to be in the store yet."""
        return [(entry.running, entry.outcome) for entry in self._unsettled()]

    def hand_over(self) -> list[tuple[Try, Outcome]]:
        """The unwritten, for the caller to write, and to tell of, whoever has stored them."""
        with self._settling:
            entries = self._unsettled()
            for entry in entries:
                entry.handed_over = True
        return [(entry.running, entry.outcome) for entry in entries]

    def _unsettled(self) -> list[_Entry]:
        entries = (*self._writing, *self._queue, *self._put_off)
        return [one for one in entries if not one.running.settled]

    def drain(self, seconds: float) -> bool:
        """Wait until all is written, at most `seconds`; true if it is."""
        return bool(self._drained.wait(seconds))

    def run(self) -> None:
        """Write for ever."""
        local.enter('worker', '-')
        while True:
            self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                self._write(self._take())
            if not self._put_off:
                self._drained.set()

    def _take(self) -> list[_Entry]:
        """The next group: of different jobs, and an outcome that has failed before by itself."""
        first = self._queue.popleft()
        group = {first.outcome.id: first}
        while self._queue and first.failures < APART and len(group) < GROUP:
            entry = self._queue[0]
            if entry.outcome.id in group or entry.failures >= APART:
                break
            group[entry.outcome.id] = self._queue.popleft()
        self._writing = list(group.values())
        return self._writing

    def _write(self, group: list[_Entry]) -> None:
        """Write `group`. What alone cannot be written waits by itself, so it holds up no other."""
        pause = 0.0
        try:
            self._attempt(group)
            self._backoff.reset()
        except StoreError as error:
            self._note(group, error)
            if group[0].failures > APART and not isinstance(error, Unavailable):
                self._delay(group[0], error)
            else:
                pause = self._backoff.next(error, f'{len(group)} outcomes are kept')
        except Exception:  # a bug must not cost the outcomes of all that runs
            logger.exception('outcomes could not be written')
            pause = self._backoff.next(RuntimeError('a bug'), f'{len(group)} outcomes are kept')
        self._queue.extend(
            one for one in group if not one.running.settled and one not in self._put_off
        )
        self._writing = []
        if pause:
            gevent.sleep(pause)

    def _delay(self, entry: _Entry, error: StoreError) -> None:
        """Have it queued again after a pause, which grows."""
        claim = entry.running.claim
        entry.backoff = entry.backoff or Backoff(self._runtime)
        pause = entry.backoff.next(error, f'the outcome of {claim.action} {claim.id} is kept')
        self._put_off.append(entry)
        gevent.spawn_later(pause, self._resume, entry)

    def _resume(self, entry: _Entry) -> None:
        self._put_off.remove(entry)
        self._queue.append(entry)
        self._arrived.set()

    def _note(self, group: list[_Entry], error: StoreError) -> None:
        if isinstance(error, Unavailable):
            return
        for entry in group:
            entry.failures += 1
        if isinstance(error, Rejected) and len(group) == 1 and group[0].failures > APART:
            self._replace(group[0], error)

    def _attempt(self, group: list[_Entry]) -> None:
        """Write `group` in one transaction and settle what became of it."""
        store, now = self._runtime.worker_store, self._runtime.clock.now()
        outcomes = [entry.outcome for entry in group]
        held: set[str] = set()
        try:
            written = store.write(outcomes, now)
            if late := [e.outcome for e in group if e.doubted and e.outcome.id not in written]:
                # The commit that was asked about before may have come through since.
                written |= store.written(late)[0]
        except InDoubt as error:
            written, held = self._settle(outcomes, error)
            for entry in group:
                entry.doubted = True
        for entry in group:
            if entry.outcome.id not in held:
                self._done(entry, entry.outcome.id in written)

    def _settle(self, outcomes: list[Outcome], doubt: StoreError) -> tuple[set[str], set[str]]:
        """What a commit in doubt has stored, read when the database answers again."""
        while True:
            self._backoff.wait(doubt, f'{len(outcomes)} outcomes are in doubt')
            try:
                return self._runtime.worker_store.written(outcomes)
            except StoreError as error:
                doubt = error

    def _done(self, entry: _Entry, written: bool) -> None:
        claim, outcome = entry.running.claim, entry.outcome
        with self._settling:
            entry.running.settled = True
        self._running.remove(entry.running)
        if entry.handed_over:
            return
        if not written:
            logger.warning(
                '%s %s: its outcome came late and is dropped: the job is no longer held',
                claim.action,
                claim.id,
            )
            return
        if outcome.status == PENDING:
            # A retry is due later, when the polls of others find it as well.
            self._runtime.wakeups.created(elsewhere=outcome.run_at is None)
        if outcome.error is not None:
            told = failure(claim, outcome)
            logger.warning('%s', told.text)
            self._runtime.notifier.failed(told)

    def _fitted(self, outcome: Outcome) -> Outcome:
        """`outcome` as its columns can store it. A result that is too large is final."""
        limits = self._runtime.worker_store.limits
        try:
            if outcome.result is not None and not limits.holds('result', outcome.result):
                size = limits.bytes_of('result')
                message = (
                    f'the result cannot be stored: it is {len(outcome.result)} bytes of JSON, '
                    f'the column result holds {size}'
                )
                return outcome._replace(status=ERROR, result=None, error=message)
            if outcome.error is not None:
                return outcome._replace(error=limits.fitting('error', outcome.error))
        except Exception:
            logger.exception('the limits of the columns are not known')
        return outcome

    def _replace(self, entry: _Entry, error: StoreError) -> None:
        """Let something that can be stored take the place of an outcome that cannot."""
        message = f'the outcome cannot be stored: {error}'.encode('ascii', 'replace').decode()
        status = entry.outcome.status if entry.outcome.result is None else ERROR
        entry.outcome = entry.outcome._replace(
            status=status,
            result=None,
            error=None if entry.replaced else message[:SHORT],
        )
        entry.replaced = True
