"""The candidates that a worker has read ahead, chosen so that several workers seldom collide."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from wumai.runtime import Runtime
from wumai.store.base import Candidate

WINDOW, WINDOW_MAX = 20, 200
"""Candidates read ahead for each place, and in all, unless a claim may draw more."""
STALE = 1.0
"""Seconds after which they are read anew."""
SPREAD_MAX = 16.0
"""Windows of a deep backlog among which a worker chooses, at most."""
CALM = 10.0
"""Seconds without a collision after which it reads in order again, as one that is alone."""
EXCESS_MAX = 4
"""Candidates drawn for each place, at most, since others may have taken some."""
DRAWN_MAX = 500
"""Candidates in one claim, at most: see store/prepared.py on long lists."""


class Ahead:
    """Ids in order of their due times; where workers collide, of a window and in an order that
    are drawn by lot.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ids: deque[str] = deque()
        self._read_at = 0.0
        self._deep = False
        self._exhausted = False
        self._spread = 1.0
        self._excess = 1.0
        self._collided_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._ids)

    def offer(self, ids: Sequence[str]) -> None:
        """Have these drawn without a read, if the last one has found nothing that was due."""
        if self._exhausted:
            self._ids.extend(ids[: WINDOW - len(self._ids)])

    @property
    def offered(self) -> bool:
        """Whether those to be drawn were offered, and not read."""
        return self._exhausted and bool(self._ids)

    def suffices(self, places: int) -> bool:
        """Whether there are enough, read not long ago; or any that were offered."""
        if self.offered:
            return True
        fresh = self._runtime.clock.monotonic() - self._read_at <= STALE
        return fresh and len(self._ids) >= places

    def read(self, places: int, now: datetime, soon: datetime) -> list[Candidate]:
        """Read what is due, unclaimed; returns also what will be due until `soon`."""
        self._read_at = self._runtime.clock.monotonic()
        if self._read_at - self._collided_at > CALM:
            self._spread = self._excess = 1.0
        limit = max(min(WINDOW * places, WINDOW_MAX), EXCESS_MAX * places)
        candidates = self._window(limit, soon)
        self._ids = deque(one.id for one in candidates if _is_due(one, now))
        self._exhausted = not self._ids
        if self._exhausted:  # there is nothing to collide about
            self._spread = self._excess = 1.0
        if self._spread > 1:
            self._runtime.entropy.shuffle(self._ids)
        return candidates

    def draw(self, places: int) -> list[str]:
        """Take off as many as are to be tried for `places`."""
        self._exhausted = False
        count = min(round(places * self._excess), len(self._ids), DRAWN_MAX)
        return [self._ids.popleft() for _ in range(count)]

    def note(self, taken: Sequence[str], drawn: Sequence[str], places: int) -> None:
        """Learn from a claim that took these of those drawn for so many places."""
        if len(taken) >= min(places, len(drawn)):
            last = max(taken)  # a claim goes by the order of ids: it has seen none after that
            self._ids.extendleft([one for one in drawn if one > last])
            self._spread = max(self._spread * 0.99, 1.0)
            self._excess = max(self._excess * 0.95, 1.0)
            return
        self._collided_at = self._runtime.clock.monotonic()
        self._spread = min(self._spread * 2, SPREAD_MAX)
        self._excess = min(self._excess * 1.5, EXCESS_MAX)
        if len(taken) * 4 < len(drawn):
            self._ids.clear()  # others have taken most of what was read

    def _window(self, limit: int, soon: datetime) -> list[Candidate]:
        store = self._runtime.worker_store
        window = int(self._runtime.entropy.fraction() * self._spread) if self._deep else 0
        candidates = store.candidates(soon, limit, window * limit)
        if window and not candidates:
            candidates = store.candidates(soon, limit)
        self._deep = len(candidates) == limit
        return candidates


def _is_due(candidate: Candidate, now: datetime) -> bool:
    # What is no time is due, so that the claim can end that row.
    return not isinstance(candidate.run_at, datetime) or candidate.run_at <= now
