"""The virtual peers of a runtime's parts, for one simulated process."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from wumai.entropy import RandomEntropy
from wumai.store.base import Store
from wumai.store.engine import OFFSET_AGE
from wumai.worker.heartbeat import STOP_WITHIN

if TYPE_CHECKING:
    from wumai_testing.clock import VirtualTime


class NodeClock:
    """Virtual time as one host sees it: its own clock is wrong by `skew` seconds, which may
    change, and is corrected by an offset that is measured as often as in production.
    """

    def __init__(self, time: 'VirtualTime', skew: float = 0.0) -> None:
        self._time = time
        self.skew = skew
        self._offset = -skew
        self._asked = time.monotonic()

    def now(self) -> datetime:
        if self._asked + OFFSET_AGE <= self.monotonic():
            self._offset, self._asked = -self.skew, self.monotonic()
        now = self._time.now()
        off = self.skew + self._offset
        return now + timedelta(seconds=off) if off else now

    def monotonic(self) -> float:
        return self._time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return self._time.wait_idle(event, seconds)

    def observe(self, database_now: datetime, asked: float, answered: float) -> None:
        """Nothing: a real server's time is not the virtual one."""


def seeded_entropy(seed: int, name: str) -> RandomEntropy:
    """Chance that is the same for the same seed and process, under any PYTHONHASHSEED."""
    return RandomEntropy(random.Random(f'{seed}/{name}'))


class NodeHeartbeat:
    """A timer of the node; it is not armed while nothing runs."""

    def __init__(self, connect: Callable[[], Store], leave: Callable[[int], None]) -> None:
        self._connect = connect
        self._leave = leave
        self._tries = Event()
        self._resting = Event()
        self._resting.set()
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self, beat: Callable[[Store], float | None], period: float) -> None:
        self._greenlet = gevent.spawn(self._run, beat, period)

    def _run(self, beat: Callable[[Store], float | None], period: float) -> None:
        store = self._connect()
        while True:
            self._tries.wait()
            self._tries.clear()
            pause: float | None = period
            while pause is not None:
                gevent.sleep(pause)
                self._resting.clear()
                pause = beat(store)
                self._resting.set()

    def began(self) -> None:
        self._tries.set()

    def in_hub(self, call: Callable[[], None]) -> None:
        call()

    def stop(self) -> None:
        if self._greenlet is not None:
            self._resting.wait(STOP_WITHIN)  # for a beat under way, as in production
            self._greenlet.kill()

    def leave(self, code: int) -> None:
        self._leave(code)
