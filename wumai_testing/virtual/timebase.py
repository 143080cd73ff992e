"""Timebase: the one counter that all nodes of a virtual world share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import api as freezegun_api

from wumai_testing.virtual.in_flight import InFlight

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


class Real:
    """What freezegun replaces in every module's globals, kept where it does not look."""

    monotonic = staticmethod(freezegun_api.real_monotonic)
    monotonic_ns = staticmethod(freezegun_api.real_monotonic_ns)
    time = staticmethod(freezegun_api.real_time)
    time_ns = staticmethod(freezegun_api.real_time_ns)

    @staticmethod
    def utcnow() -> datetime:
        return freezegun_api.real_datetime.now(UTC).replace(tzinfo=None)


def to_ns(seconds: float) -> int:
    """`seconds` in whole nanoseconds; exact for whole seconds of any size."""
    return seconds * SECOND if isinstance(seconds, int) else round(seconds * SECOND)


def naive_utc(moment: datetime) -> datetime:
    """`moment` as a naive UTC datetime of the real class, whatever is frozen."""
    if offset := moment.utcoffset():
        moment = moment - offset
    return freezegun_api.real_datetime(
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
    )


class Timebase:
    """Integer nanoseconds since the start: a float epoch would lose timers."""

    __slots__ = (
        '_armed', 'callbacks', 'callbacks_max', 'epoch_ns', 'in_flight', 'last_ns', 'now_ns',
        'on_reading', 'start',
    )  # fmt: skip

    def __init__(self, start: datetime, callbacks_max: int) -> None:
        self.start = naive_utc(start)
        self.now_ns = 0
        self.epoch_ns = _ns_between(freezegun_api.real_datetime(1970, 1, 1), self.start)
        self.last_ns = _ns_between(self.start, freezegun_api.real_datetime.max)
        """No instant after this has a date; a timer beyond it never fires."""
        self.callbacks = 0
        """How many callbacks ran at this instant."""
        self.callbacks_max = callbacks_max
        self.in_flight = InFlight()
        self.on_reading: Callable[[], None] = lambda: None
        self._armed = 0

    def next_arming(self) -> int:
        """A number that only grows: what orders timers that are due together."""
        self._armed += 1
        return self._armed

    def move_to(self, instant_ns: int) -> None:
        """Let it be `instant_ns`, if it is not later already."""
        if instant_ns > self.now_ns:
            self.now_ns = instant_ns
            self.callbacks = 0

    def now(self) -> datetime:
        """Naive UTC, rounded down to the microsecond."""
        return self.start + timedelta(microseconds=self.now_ns // 1000)

    def tell_of_readings(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` whenever the time is read. Without one a reading costs nothing more."""
        if listener is not None:
            self.on_reading = listener
        self.__class__ = Timebase if listener is None else _ToldTimebase


class _ToldTimebase(Timebase):
    """What a timebase becomes while its readings are told of."""

    __slots__ = ()

    @property
    def now_ns(self) -> int:
        self.on_reading()
        return _NOW.__get__(self)  # type: ignore[no-any-return]

    @now_ns.setter
    def now_ns(self, instant_ns: int) -> None:
        _NOW.__set__(self, instant_ns)


_NOW: Any = vars(Timebase)['now_ns']


def _ns_between(earlier: datetime, later: datetime) -> int:
    return (later - earlier) // timedelta(microseconds=1) * 1000
