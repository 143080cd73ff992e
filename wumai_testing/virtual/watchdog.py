"""The real-time watchdog: stops a node's code that does not yield, and a test that polls.

One native daemon thread a process, started by the first virtual world and asleep while none
is open. It uses no signal, and no clock is read on the path of the watched thread. A turn
that it cannot interrupt is one that sits in a C call: the exception strikes when that returns.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from gevent.monkey import get_original
from greenlet import getcurrent

from wumai_testing.virtual.errors import VirtualStuck
from wumai_testing.virtual.polls import Polls
from wumai_testing.virtual.report import place
from wumai_testing.virtual.timebase import Real

_allocate_lock = get_original('_thread', 'allocate_lock')
_start_new_thread = get_original('_thread', 'start_new_thread')
_sleep = get_original('time', 'sleep')

_DEBUGGERS = ('pdb', 'bdb', 'pydevd', '_pydevd_bundle', 'debugpy', 'IPython')
AGAIN_AFTER = 0.05
"""Seconds until code that swallowed VirtualStuck gets it again."""
STRIKES_MAX = 3
"""How often it may; then its greenlet is left where it is."""


class Guard:
    """The turns of one world, as its thread tells them and the watchdog sees them."""

    def __init__(self, thread: int, budget: float | None) -> None:
        self.thread = thread
        self.budget = budget
        self.message: str | None = None
        """What to tell of the turn under way, once it is found stuck."""
        self.escape: Callable[[], None] | None = None
        """Leaves the running greenlet for ever."""
        self.polls: Polls | None = None
        """Of the test's own code, which has no turns."""
        self._strikes = 0
        self._turn = 0
        self._name: str | None = None
        self._lock = _allocate_lock()
        self._seen = 0
        self._deadline = 0.0

    def begin(self, name: str | None) -> str | None:
        """A turn of the node `name` begins; returns the one that it interrupts, to go on after."""
        self._turn += 1
        self._strikes = 0
        outer, self._name = self._name, name
        return outer

    def end(self) -> str | None:
        """The turn has ended; returns what is to be told if it was found stuck."""
        with self._lock:
            self._name = None
            message, self.message = self.message, None
            if message is not None:
                _interrupt(self.thread, None)
        return message

    def struck(self) -> str:
        """Called in the greenlet that is stuck, which alone can tell its label.

        Code that swallows every exception is left here for good: this call does not return.
        Python 3.11 is within the making of an exception then, and takes it for that ever after:
        a RecursionError later in the process is fatal there.
        """
        label = getattr(getcurrent(), 'label', None)
        if self.message is not None and label and label not in self.message:
            self.message = f'{label}: {self.message}'
        self._strikes += 1
        if self._strikes > STRIKES_MAX and self.escape is not None:
            self.escape()
        return self.message or ''

    def look(self, now: float) -> None:
        """Called by the watchdog: interrupt a turn that is over its budget."""
        if self.polls is not None:
            self.polls.look(now)
        if self._name is None or self._turn != self._seen:
            self._seen = self._turn
            self._deadline = now + (self.budget or 0.0)
        elif now >= self._deadline:
            self._strike()
            self._deadline = now + AGAIN_AFTER

    def _strike(self) -> None:
        with self._lock:  # so that the turn cannot end between the look and the strike
            frame = sys._current_frames().get(self.thread)
            if self._name is None or self._turn != self._seen or _in_debugger(frame):
                return
            if self.message is None:
                self.message = (
                    f'Node {self._name} ran for more than {self.budget:g} s of real time without '
                    f'yielding, at {place(frame)}. Virtual time stands still while code runs: '
                    'let that loop wait with gevent.sleep(), or raise '
                    'stuck_after of virtual_time() or simulation() if it computes for so long.'
                )
            del frame
            _interrupt(self.thread, VirtualStuck)


def _interrupt(thread: int, error: type[BaseException] | None) -> None:
    """Raise `error` in `thread` at its next bytecode; None takes a pending one back."""
    what = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


def _in_debugger(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get('__name__', '').partition('.')[0] in _DEBUGGERS:
            return True
        frame = frame.f_back
    return False


class Watchdog:
    """The thread, and the guard of the world that is open."""

    def __init__(self) -> None:
        self._guard: Guard | None = None
        self._wake = _allocate_lock()
        self._wake.acquire()
        self._pid = 0

    def watch(self, guard: Guard) -> None:
        if guard.budget is None:
            return
        self._guard = guard
        VirtualStuck.struck = guard.struck
        if self._pid != os.getpid():  # the first use, or a fork, which took no thread along
            self._pid = os.getpid()
            self._wake = _allocate_lock()
            # Not through threading.Thread.start, which is refused inside virtual time.
            _start_new_thread(self._run, (self._wake,))
        elif self._wake.locked():
            self._wake.release()

    def forget(self) -> None:
        self._guard = None
        VirtualStuck.struck = None

    def _run(self, wake: Any) -> None:
        while True:
            wake.acquire()
            while (guard := self._guard) is not None:
                guard.look(Real.monotonic())
                _sleep(min(max((guard.budget or 0.0) / 10, 0.01), 0.25))
            del guard


WATCHDOG = Watchdog()
