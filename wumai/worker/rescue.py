"""Takes back the jobs of workers that died.

A row past its lease is looked at twice, a third of a lease apart on this worker's monotonic
clock, and is rescued only if nothing about it has changed and all statements in between
succeeded: so neither an outage nor a step of a clock makes anyone rescue a live job.
"""

from datetime import datetime, timedelta

from wumai import logger
from wumai.job import WORKER_LOST, Expired
from wumai.runtime import Runtime
from wumai.worker.telling import notice

ROWS = 100
"""Looked at in one turn."""


class Rescuer:
    """The memory of the looks, and the rescue itself."""

    def __init__(self, runtime: Runtime, lease: float) -> None:
        self._runtime = runtime
        self._lease = lease
        self._third = lease / 3
        self._looked: float | None = None
        self._seen: dict[str, tuple[Expired, float]] = {}

    def forget(self) -> None:
        """A statement failed: what was seen before it proves nothing."""
        self._seen.clear()

    def look(self) -> None:
        """Look if it is time to, and rescue what was seen expired before."""
        monotonic = self._runtime.clock.monotonic()
        if self._looked is not None and monotonic - self._looked < self._third:
            return
        self._looked = monotonic
        now = self._runtime.clock.now()
        before = now - timedelta(seconds=self._lease)
        rows = self._runtime.worker_store.expired(before, ROWS)
        others = [row for row in rows if row.worker != self._runtime.worker_name]
        self._seen = {
            row.id: self._seen[row.id]
            if row.id in self._seen and self._seen[row.id][0] == row
            else (row, monotonic)
            for row in others
        }
        for row, first_seen in list(self._seen.values()):
            if monotonic - first_seen >= self._third:
                self._rescue(row, before, now)

    def _rescue(self, row: Expired, before: datetime, now: datetime) -> None:
        del self._seen[row.id]
        if not self._runtime.worker_store.rescue(row, before, now):
            return
        gave_up = row.trys >= row.try_max
        told = notice(row, WORKER_LOST, None if gave_up else now)
        logger.warning('%s (rescued from %s)', told.text, row.worker or 'an unknown worker')
        self._runtime.notifier.failed(told)
