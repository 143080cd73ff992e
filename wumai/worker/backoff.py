"""Waiting after a failure of the database: short at first, never longer than a poll."""

import gevent

from wumai import logger
from wumai.runtime import Runtime
from wumai.store.db_errors import StoreError

FIRST, LONGEST = 0.02, 2.0
"""Seconds."""
LOG_PERIOD = 60.0
"""Seconds between two log lines of one outage."""


class Backoff:
    """The pauses of one greenlet between its attempts."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pause = FIRST
        self._logged_at: float | None = None

    def next(self, error: Exception, consequence: str) -> float:
        """Note a failure; the seconds to wait. Logs the first one, then once a minute."""
        now = self._runtime.clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_PERIOD:
            self._logged_at = now
            logger.db.warning('%s: %s', error, consequence)
        pause = self._pause * (0.5 + self._runtime.entropy.fraction() / 2)
        self._pause = min(self._pause * 2, LONGEST)
        return pause

    def wait(self, error: StoreError, consequence: str) -> None:
        gevent.sleep(self.next(error, consequence))

    def reset(self) -> None:
        """The database answers."""
        if self._logged_at is not None:
            logger.db.warning('the database answers again')
        self._pause, self._logged_at = FIRST, None
