"""Finds due jobs whose times are in a form that the database does not compare as a time."""

from wumai import logger
from wumai.runtime import Runtime


class Sweeper:
    """Sweeps at its first turn, and then once in each period."""

    def __init__(self, runtime: Runtime, period: float) -> None:
        self._runtime = runtime
        self._period = period
        self._swept: float | None = None

    def sweep(self) -> None:
        """Rewrite such times if it is time to."""
        now = self._runtime.clock.monotonic()
        if self._swept is not None and now - self._swept < self._period:
            return
        self._swept = now
        for job_id, reason in self._runtime.worker_store.rewrite_times(self._runtime.clock.now()):
            logger.warning('%s ends in error, unrun: %s', job_id, reason)
