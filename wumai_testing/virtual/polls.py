"""Polls: a test that looks at the virtual clock until it moves would do so for ever.

Only a test that stands still is looked at, so that reading the clock costs nothing more before:
the watchdog then lets the timebase tell of each reading.
"""

from collections import Counter
from collections.abc import Callable

from greenlet import getcurrent

from wumai_testing.virtual.errors import VirtualStuck
from wumai_testing.virtual.report import place, reader
from wumai_testing.virtual.timebase import Real, Timebase

LOOKS_MIN = 1000
"""Readings in one line that only a loop makes that waits."""


class Polls:
    """What the test's own code reads while nothing moves, for at most `budget` real seconds."""

    def __init__(self, base: Timebase, budget: float) -> None:
        self.progress: Callable[[], object] = lambda: None
        """What else moves than time; as long as it does, the test is at work."""
        self._base = base
        self._budget = budget
        self._main = getcurrent()
        self._seen: object = None
        self._since = 0.0
        self._looks: Counter[tuple[str, int]] = Counter()

    def look(self, now: float) -> None:
        """Called by the watchdog."""
        base = self._base
        seen = base.now_ns, base.callbacks, self.progress()
        if seen == self._seen:
            base.tell_of_readings(self._read)
        else:
            self._seen, self._since = seen, now
            self._looks.clear()
            base.tell_of_readings(None)

    def _read(self) -> None:
        """Called at each reading: raise VirtualStuck there if it is one too many."""
        if getcurrent() is not self._main or (frame := reader()) is None:
            return
        line = frame.f_code.co_filename, frame.f_lineno
        self._looks[line] += 1
        if self._looks[line] < LOOKS_MIN or Real.monotonic() - self._since < self._budget:
            return
        self._seen = None  # whoever catches this, or cleans up, has as long again
        self._base.tell_of_readings(None)
        raise VirtualStuck(
            f'The test has read the clock {self._looks[line]:,} times in {self._budget:g} s of '
            f'real time, at {place(frame)}. Virtual time stands still while code runs: let it '
            'pass with advance(), run_until() or run_until_idle() of wumai_sim or of the clock, '
            'or wait in that loop with time.sleep().'
        )
