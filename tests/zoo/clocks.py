"""Clocks that differ, jump, or show the time of a time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.zoo.base import CLOCK, OFF_BY_ONE, TWO, Real, Wrap, bug, values
from wumai.clock import floor_second

_HOUR = timedelta(hours=1)


def _claims_in_local_time(
    real: Real, store: Any, ids: Any, limit: int, token: str, now: Any
) -> Any:
    return real(store, ids, limit, token, now + _HOUR)


def _due_in_local_time(real: Real, candidate: Any, now: Any) -> Any:
    return real(candidate, now + _HOUR)


@bug(
    'wumai.store.sql:SqlStore.candidates',
    kind=CLOCK,
    breaks=(1,),
    issue='coleifer/huey#139',
    title='utc=False and wrong schedule date',
    also={
        'wumai.store.sql:SqlStore.claim': Wrap(_claims_in_local_time),
        'wumai.worker.ahead:_is_due': Wrap(_due_in_local_time),
    },
)
def due_times_are_read_in_local_time(real: Real, store: Any, until: Any, limit: int) -> Any:
    """Due times in UTC are compared with local time: jobs run an hour early."""
    return real(store, until + _HOUR, limit)


@bug(
    'wumai.worker.outcome:later',
    kind=CLOCK,
    breaks=(7,),
    issue='coleifer/huey#578',
    title='Scheduler and Consumer UTC Compatibility',
)
def retries_are_written_in_local_time(real: Real, moment: Any, seconds: float) -> Any:
    """The time of a retry is written in the time zone of the host, and read as UTC."""
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo('Europe/Berlin'))
    return real(local.replace(tzinfo=None), seconds)


@bug(
    'wumai.worker.outcome:later',
    kind=OFF_BY_ONE,
    breaks=(7,),
    issue='HangfireIO/Hangfire#1017',
    title='Delayed jobs running before specified time',
)
def due_time_is_rounded_down(real: Real, moment: Any, seconds: float) -> Any:
    """A due time loses its fraction, so that the job runs before it."""
    return floor_second(moment + timedelta(seconds=seconds))


values(
    'clock-is-compared-once',
    'The offset to the clock of the database is asked at the first connect and never again.',
    {'wumai.store.engine:OFFSET_AGE': 1e12, 'wumai_testing.node:OFFSET_AGE': 1e12},
    kind=CLOCK,
    breaks=(1, 2),
    needs=(TWO,),
    issue='quartznet/quartznet#435',
    title='Cluster setup: use database time instead of instance system time',
)


def _host_time(clock: Any) -> datetime:
    return clock._time.now() + timedelta(seconds=clock.skew)  # type: ignore[no-any-return]


@bug(
    'wumai.clock:SystemClock.observe',
    kind=CLOCK,
    breaks=(1, 2),
    needs=(TWO,),
    issue='resque/resque#1480',
    title='[Bugfix] Heartbeat with server time, not worker time',
    also={'wumai_testing.node:NodeClock.now': _host_time},
)
def each_worker_trusts_its_own_clock(real: Real, clock: Any, *args: Any) -> None:
    """Leases and due times go by the clock of each host, right or wrong."""


class _Wall:
    """A clock whose seconds are those of the wall clock."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return float((self._clock.now() - datetime(1970, 1, 1)).total_seconds())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


class _WithWallClock:
    """A runtime with such a clock."""

    def __init__(self, runtime: Any) -> None:
        self._runtime, self.clock = runtime, _Wall(runtime.clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


@bug(
    'wumai.worker.rescue:Rescuer.__init__',
    kind=CLOCK,
    breaks=(2, 5),
    needs=(TWO,),
    issue='kagkarlsson/db-scheduler#364',
    title='Can the db-scheduler still work when the clock is different between nodes ?',
)
def rescuer_waits_by_the_wall_clock(real: Real, rescuer: Any, runtime: Any, *args: Any) -> None:
    """The wait between two looks of a rescuer is measured on a clock that can jump."""
    real(rescuer, _WithWallClock(runtime), *args)
