"""Writes outcomes: whatever has gathered goes into one transaction, and is kept until it is in."""

from collections import deque
from dataclasses import dataclass, replace

from gevent.event import Event

from wumai import logger
from wumai.job import ERROR, PENDING, Outcome
from wumai.runtime import Runtime
from wumai.store.db_errors import Busy, InDoubt, Rejected, StoreError, Unavailable
from wumai.worker.backoff import Backoff
from wumai.worker.running import Running, Try
from wumai.worker.telling import failure

GROUP = 100
"""Outcomes in one transaction, at most."""


@dataclass(eq=False, slots=True)
class _Entry:
    running: Try
    outcome: Outcome


class OutcomeWriter:
    """A queue, and the greenlet that empties it into the store."""

    def __init__(self, runtime: Runtime, running: Running) -> None:
        self._runtime = runtime
        self._running = running
        self._queue: deque[_Entry] = deque()
        self._writing: list[_Entry] = []
        self._arrived = Event()
        self._drained = Event()
        self._drained.set()
        self._backoff = Backoff(runtime)

    def put(self, running: Try, outcome: Outcome) -> None:
        """Have `outcome` written; its lease is renewed until it is."""
        self._queue.append(_Entry(running, self._fitted(outcome)))
        self._drained.clear()
        self._arrived.set()

    def unwritten(self) -> list[Outcome]:
        """What is not known to be in the store yet."""
        return [entry.outcome for entry in (*self._writing, *self._queue)]

    def drain(self, seconds: float) -> bool:
        """Wait until all is written, at most `seconds`; true if it is."""
        return bool(self._drained.wait(seconds))

    def run(self) -> None:
        """Write for ever."""
        while True:
            self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                self._writing = self._take()
                self._write(self._writing)
                self._writing = []
            self._drained.set()

    def _take(self) -> list[_Entry]:
        group: dict[str, _Entry] = {}
        while self._queue and len(group) < GROUP and self._queue[0].running.id not in group:
            entry = self._queue.popleft()
            group[entry.running.id] = entry
        return list(group.values())

    def _write(self, group: list[_Entry]) -> None:
        """Until each entry is written or found lost. `group` shrinks as they are."""
        failures = 0
        while group:
            try:
                if failures < 2:
                    self._attempt(group, group)
                else:
                    self._one_by_one(group)
                self._backoff.reset()
                return
            except (Busy, Unavailable, InDoubt) as error:
                self._backoff.wait(error, f'{len(group)} outcomes are kept')
            except StoreError as error:
                failures += 1
                self._backoff.wait(error, f'{len(group)} outcomes are kept')

    def _one_by_one(self, group: list[_Entry]) -> None:
        problem: StoreError | None = None
        for entry in list(group):
            try:
                self._attempt(group, [entry])
            except Rejected as error:
                entry.outcome = replace(
                    entry.outcome,
                    status=ERROR,
                    run_at=None,
                    result=None,
                    error=f'the outcome cannot be stored: {error}'.encode(
                        'ascii', 'replace'
                    ).decode()[:1000],
                )
                problem = error
            except StoreError as error:
                problem = error
        if problem:
            raise problem

    def _attempt(self, group: list[_Entry], part: list[_Entry]) -> None:
        """Write `part` of `group` in one transaction and settle what became of it."""
        store, now = self._runtime.worker_store, self._runtime.clock.now()
        outcomes = [entry.outcome for entry in part]
        try:
            written = store.write(outcomes, now)
            held: set[str] = set()
        except InDoubt as error:
            written, held = self._settle(outcomes, error)
        for entry in list(part):
            if entry.running.id in held:
                continue
            group.remove(entry)
            self._done(entry, entry.running.id in written)
        if held:
            raise Busy('a commit that was interrupted is not stored')

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
        self._running.remove(entry.running)
        if not written:
            logger.warning(
                '%s %s: its outcome came late and is dropped: the job is no longer held',
                claim.action,
                claim.id,
            )
            return
        if outcome.status == PENDING:
            self._runtime.wakeups.created()
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
                return replace(outcome, status=ERROR, result=None, error=message)
            if outcome.error is not None:
                return replace(outcome, error=limits.fitting('error', outcome.error))
        except Exception:
            logger.exception('the limits of the columns are not known')
        return outcome
