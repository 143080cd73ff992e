"""The clock: the only file that reads the time.

Times are naive UTC and those of the database: the local clock plus the offset that was
last measured, so that hosts whose clocks differ agree on what is due.
"""

import time
from datetime import datetime, timedelta
from typing import Protocol

from gevent.event import Event

from wumai import logger

_EPOCH = datetime(1970, 1, 1)
LAST_SECOND = datetime.max.replace(microsecond=0)

STEP = timedelta(seconds=1)
"""A change of the offset over this is logged as a step."""


class Clock(Protocol):
    """The seam through which wumai sees time."""

    def now(self) -> datetime:
        """The database's time, naive UTC."""

    def monotonic(self) -> float:
        """Seconds that only grow; no clock step moves them."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait idly until `event` is set, at most `seconds`; true if it is.

        Nothing but the passing of time is waited for, so a simulation may prolong it by
        whole multiples of `seconds` while it knows that nothing can be due.
        """

    def observe(self, database_now: datetime, asked: float, answered: float) -> None:
        """Take the offset from an answer of the database, between two `monotonic` readings."""


class SystemClock:
    """The clock of this host, corrected by the offset to the database's."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self._observed = False

    def now(self) -> datetime:
        return self.host_now() + self.offset

    def host_now(self) -> datetime:
        """What this host's own clock shows, right or wrong; naive UTC."""
        # Twice as fast as to take the zone off an aware time, a third of it by unnamed arguments.
        return _EPOCH + timedelta(0, 0, time.time_ns() // 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return bool(event.wait(seconds))

    def observe(self, database_now: datetime, asked: float, answered: float) -> None:
        if self._observed and answered - asked > STEP.total_seconds():
            return  # too slow to tell anything
        local = self.host_now()
        # As if the answer had come at once: late by its way at most, so that nothing is due early.
        since_answer = self.monotonic() - answered
        offset = database_now - (local - timedelta(seconds=since_answer))
        if self._observed and abs(offset - self.offset) > STEP:
            logger.warning(
                'the clock moved by %.1f s against the database; leases are not affected',
                (offset - self.offset).total_seconds(),
            )
        self.offset, self._observed = offset, True


def floor_second(moment: datetime) -> datetime:
    """`moment` without its fraction of a second: how `now` is written."""
    return moment.replace(microsecond=0)


def ceil_second(moment: datetime) -> datetime:
    """The whole second at or after `moment`: how a due time in the future is written."""
    floor = floor_second(moment)
    return floor if floor in (moment, LAST_SECOND) else floor + timedelta(seconds=1)


def later(moment: datetime, seconds: float) -> datetime:
    """The whole second `seconds` after `moment`; the last one that can be written if it is none."""
    try:
        return ceil_second(moment + timedelta(seconds=seconds))
    except OverflowError:
        return LAST_SECOND
