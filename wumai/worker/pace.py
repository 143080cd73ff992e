"""How long a worker waits between two looks at the table, where nothing tells it when to look."""

from wumai.runtime import Runtime

SHARE = 0.1
"""The next look is after this part of the time since the last job was taken."""
RACE, LONGEST_RACE = 0.001, 0.008
"""Seconds at most by which those differ who were told of the same job: after one race that was
lost, and after many.
"""


class Pace:
    """Quick after a job, `poll` seconds when idle; and who loses races lets others go first."""

    def __init__(self, runtime: Runtime, poll: float) -> None:
        self._runtime = runtime
        self._poll = poll
        self._took_at: float | None = None
        self._behind = 0.0

    def took(self) -> None:
        """Note that jobs were taken."""
        self._took_at = self._runtime.clock.monotonic()
        self._behind = 0.0

    def pause(self) -> float:
        """Seconds until the next look."""
        quickest = self._runtime.quickest_poll
        if self._took_at is None or quickest is None or self._runtime.wakeups.everywhere:
            return self._poll
        idle = self._runtime.clock.monotonic() - self._took_at
        return min(max(quickest, idle * SHARE), self._poll)

    def lost_race(self) -> None:
        """Note that others had taken what this worker was told of."""
        self._behind = min(max(self._behind * 2, RACE), LONGEST_RACE)

    def handicap(self) -> float:
        """Seconds to let others go first with what all were told of."""
        return self._behind * self._runtime.entropy.fraction() if self._behind else 0.0
