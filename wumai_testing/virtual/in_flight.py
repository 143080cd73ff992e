"""What drivers of databases wait for in a process that gevent has patched.

A statement holds the clock, and its node: it takes no virtual time, as in an unpatched process,
where the driver blocks.
"""

from __future__ import annotations

import select
from collections import Counter
from typing import TYPE_CHECKING, Any

from gevent.monkey import get_original

from wumai_testing.virtual.errors import VirtualTimeError

if TYPE_CHECKING:
    from wumai_testing.virtual.watchers import IoWatcher

PATIENCE = 60
"""Real seconds for which a statement may hold the clock."""

_EVENTS = (0, select.POLLIN, select.POLLOUT, select.POLLIN | select.POLLOUT)
"""By gevent's numbers: 1 is to read, 2 to write."""
_BROKEN = select.POLLERR | select.POLLHUP | select.POLLNVAL


class InFlight:
    """The watchers of a world whose files are real."""

    def __init__(self) -> None:
        self._watchers: dict[IoWatcher, None] = {}

    def add(self, watcher: IoWatcher) -> None:
        self._watchers[watcher] = None

    def discard(self, watcher: IoWatcher) -> None:
        self._watchers.pop(watcher, None)

    def wait(self) -> None:
        """Wait until one of the files is ready, and feed those that are. None may be awaited."""
        waiting = [watcher for watcher in self._watchers if not watcher.loop.halted]
        if not waiting:
            return
        poll: Any = get_original('select', 'poll')()
        wanted: Counter[int] = Counter()
        for one in waiting:
            wanted[one.fd] |= _EVENTS[one.events & 3]
        for fd, events in wanted.items():
            poll.register(fd, events)
        ready = dict(poll.poll(PATIENCE * 1000))
        if not ready:
            raise VirtualTimeError(f'A database has not answered for {PATIENCE} s of real time.')
        for one in waiting:
            if ready.get(one.fd, 0) & (_EVENTS[one.events & 3] | _BROKEN):
                one.feed()
