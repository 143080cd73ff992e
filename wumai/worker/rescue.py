"""Takes back the jobs of workers that died.

A row past its lease is looked at again a third of a lease later on this worker's monotonic clock
(a little more for a short lease), and often in between: it is rescued only if nothing about it has
changed and every look succeeded, and promptly: a database that was slow to answer, or took no
writes, may have kept heartbeats waiting as well. What passed unseen between two looks is waited for
in addition. So neither an outage nor a step of a clock makes anyone rescue a live job. A worker's
own live tries are left out; a claim of its own that it has lost sight of is like any other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from wumai import logger
from wumai.clock import floor_second
from wumai.job import ERROR, WORKER_LOST, Expired, JobRow
from wumai.runtime import Runtime
from wumai.store.db_errors import Busy, InDoubt, StoreError, Unavailable
from wumai.worker.heartbeat import HASTE
from wumai.worker.running import Running
from wumai.worker.telling import notice

ROWS = 1000
"""Looked at in one turn."""
ROUNDING = 1.0
"""Seconds by which `updated`, which is written in whole ones, may be older than its heartbeat."""
SUSPECT_PERIOD = 1.0
"""Seconds between two looks, at least, while there are rows past their leases."""


class Rescuer:
    """The memory of the looks, and the rescue itself."""

    def __init__(self, runtime: Runtime, running: Running, lease: float) -> None:
        self._runtime = runtime
        self._running = running
        self._lease = lease
        self._third = lease / 3
        # In it a live worker shows a heartbeat for certain, and one that was cut off is late by a
        # whole lease, not just its row, which was as old as a heartbeat may be.
        self._unchanged = max(self._third, HASTE * self._third + ROUNDING)
        self._prompt = lease / 12
        self._looked: float | None = None
        self._answered = 0.0
        self._gap = 0.0
        """Seconds between two looks, at most, since something was seen."""
        self._seen: dict[str, tuple[Expired, float]] = {}
        self._in_doubt: dict[str, tuple[Expired, datetime]] = {}

    @property
    def in_doubt(self) -> bool:
        """Whether the commit of a rescue was interrupted, and has not been asked for yet."""
        return bool(self._in_doubt)

    def forget(self) -> None:
        """What was seen before proves nothing."""
        self._seen.clear()

    def failed(self, error: StoreError, asked: float) -> None:
        """Forget, since a statement has failed. But to answer at once with a deadlock is to answer:
        where workers collide in a cluster, there is always one.
        """
        if isinstance(error, Busy) and self._is_prompt(asked):
            return
        self.forget()
        if isinstance(error, Unavailable):
            self._looked = None  # look at each turn: what refuses that is not back for the rest

    def _is_prompt(self, asked: float) -> bool:
        return self._runtime.clock.monotonic() - asked < self._prompt

    def look(self) -> None:
        """Look if it is time to, and rescue what was seen expired long enough."""
        self.settle()
        monotonic = self._runtime.clock.monotonic()
        period = min(SUSPECT_PERIOD, self._third) if self._seen else self._third
        if self._looked is not None and monotonic - self._looked < period:
            return
        self._gap = max(self._gap, monotonic - self._answered) if self._seen else 0.0
        self._looked = monotonic
        now = self._runtime.clock.now()
        before = now - timedelta(seconds=self._lease)
        self._seen = self._look_again(before)
        for row, first_seen in list(self._seen.values()):
            if monotonic - first_seen >= self._silence and row.id in self._seen:
                self._seen[row.id] = row, monotonic  # if locked, it is written, and watched anew
                self._rescue(row, before, floor_second(now))

    @property
    def _silence(self) -> float:
        """Seconds for which a row is to look the same. What held this worker up between two looks,
        such as a database that did not answer, may have held up a heartbeat.
        """
        return self._unchanged + max(0.0, self._gap - SUSPECT_PERIOD)

    def _look_again(self, before: datetime) -> dict[str, tuple[Expired, float]]:
        """The rows past their leases, each with the time since which it has looked like that."""
        with self._promptly():
            rows = self._runtime.worker_store.expired(before, ROWS)
        seen = {}
        self._answered = self._runtime.clock.monotonic()
        for row in rows:
            if not self._running.has(row.id, row.token):
                known = self._seen.get(row.id)
                seen[row.id] = known if known and known[0] == row else (row, self._answered)
        return seen

    @contextmanager
    def _promptly(self) -> Iterator[Callable[[], bool]]:
        """Forget what was seen before a statement that was answered late. Yields whether the
        answer is still in time.
        """
        in_time = partial(self._is_prompt, self._runtime.clock.monotonic())
        yield in_time
        if not in_time():
            self.forget()

    def _rescue(self, row: Expired, before: datetime, now: datetime) -> None:
        try:
            with self._promptly() as in_time:
                rescued = self._runtime.worker_store.rescue(row, before, now, in_time)
        except InDoubt:
            self._in_doubt[row.id] = row, now
            raise
        if rescued:
            self._tell(row, now)

    def settle(self) -> None:
        """Tell of rescues whose commit was in doubt, once the database says that they happened."""
        for job_id, (row, now) in list(self._in_doubt.items()):
            found = self._runtime.worker_store.get_job(job_id)
            del self._in_doubt[job_id]
            if found and _shows(found, row, now):
                self._tell(row, now)

    def _tell(self, row: Expired, now: datetime) -> None:
        told = notice(row, WORKER_LOST, None if _gave_up(row) else now)
        logger.warning('%s (rescued from %s)', told.text, row.worker or 'an unknown worker')
        self._runtime.notifier.failed(told)


def _gave_up(row: Expired) -> bool:
    return row.trys >= row.try_max


def _shows(found: JobRow, row: Expired, now: datetime) -> bool:
    """Whether a job looks as the rescue of `row` at `now` left it; a later claim keeps run_at."""
    if found.error != WORKER_LOST:
        return False
    return found.status == ERROR and found.updated == now if _gave_up(row) else found.run_at == now
