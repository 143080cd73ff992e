"""VirtualLoop: gevent's loop interface in plain Python, without any real waiting.

Nothing here reads a clock. A loop runs what is ready and then gives control back to the
timeline, which moves the time and says what is due. A batch of callbacks is never ended by
real time, as gevent's own loops do; only so is a run repeatable.
"""

import sys
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from wumai_testing.virtual.errors import VirtualStuck
from wumai_testing.virtual.timebase import SECOND, Timebase
from wumai_testing.virtual.watchers import (
    AsyncWatcher,
    Callback,
    ChildWatcher,
    IdleWatcher,
    IoWatcher,
    SignalWatcher,
    StatWatcher,
    Timer,
    TimerHeap,
    Watcher,
)


class Ready(Protocol):
    """What stands in the queue of a loop."""

    def fire(self) -> None: ...


class Keeper(Protocol):
    """Who turns the loops."""

    def loop_turned(self) -> None:
        """Called by a loop with nothing ready; returns when it is turned again."""

    def loop_overran(self, event: Ready) -> None:
        """Called by a loop at too many callbacks; returns when it is turned again."""


class VirtualLoop:
    """What one simulated process waits with."""

    default = False
    approx_timer_resolution = 1 / SECOND
    MINPRI = MAXPRI = 0
    backend = 'virtual'

    def __init__(self, base: Timebase, keeper: Keeper) -> None:
        self.base = base
        self.keeper = keeper
        self.ready: deque[Ready] = deque()
        self.timers = TimerHeap()
        self.idle_timers = TimerHeap()
        self.signals: list[SignalWatcher] = []
        self.iteration_watchers: dict[Watcher, None] = {}
        self.idle_watchers: dict[Watcher, None] = {}
        self.halted = False
        """True while nothing may run: the node is stalled or has crashed, or all is over."""
        self.error_handler: Any = None

    # What the hub calls.

    def run(self, nowait: bool = False, once: bool = False) -> NoReturn:  # noqa: ARG002
        """Run for ever: the hub greenlet lives in here."""
        while True:
            try:
                self._turn()
                self.keeper.loop_turned()
            except VirtualStuck:
                # It struck between two callbacks. The timeline knows and raises it.
                continue

    def _turn(self) -> None:
        for watcher in tuple(self.iteration_watchers):
            watcher.feed()
        ready, base = self.ready, self.base
        while not self.halted and (ready or self._feed_idle()):
            event = ready.popleft()
            base.callbacks += 1
            if base.callbacks > base.callbacks_max:
                ready.appendleft(event)
                self.keeper.loop_overran(event)
                continue
            try:
                event.fire()
            except BaseException:
                self.handle_error(event, *sys.exc_info())

    def _feed_idle(self) -> bool:
        for watcher in tuple(self.idle_watchers):
            watcher.feed()
        return bool(self.ready)

    def handle_error(self, context: object, kind: Any, value: Any, traceback: Any) -> None:
        """Hand an error to the hub, which prints it, or raises what ends the hub itself."""
        if self.error_handler is None:
            raise value
        self.error_handler.handle_error(context, kind, value, traceback)

    def destroy(self) -> None:
        """Drop all that was to be run."""
        self.halted = True
        self.ready.clear()
        self.timers.clear()
        self.idle_timers.clear()
        self.signals.clear()
        self.iteration_watchers.clear()
        self.idle_watchers.clear()

    # Time.

    def now(self) -> float:
        return self.base.now_ns / SECOND

    def update_now(self) -> None:
        """Nothing to do: time moves only between turns."""

    update = update_now

    # Callbacks.

    def run_callback(self, func: Callable[..., object], *args: object) -> Callback:
        callback = Callback(func, args)
        self.ready.append(callback)
        return callback

    run_callback_threadsafe = run_callback

    # Watchers. `ref` and `priority` are taken and mean nothing: no loop ends by itself.

    def timer(
        self, after: float, repeat: float = 0.0, ref: bool = True, priority: int | None = None
    ) -> Timer:
        return Timer(self, after, repeat, ref, priority)

    def async_(self, ref: bool = True, priority: int | None = None) -> AsyncWatcher:
        return AsyncWatcher(self, ref, priority)

    def signal(self, signum: int, ref: bool = True, priority: int | None = None) -> SignalWatcher:
        return SignalWatcher(self, signum, ref, priority)

    def idle(self, ref: bool = True, priority: int | None = None) -> Watcher:
        return IdleWatcher(self, self.idle_watchers, ref, priority)

    def prepare(self, ref: bool = True, priority: int | None = None) -> Watcher:
        return IdleWatcher(self, self.iteration_watchers, ref, priority)

    check = prepare

    def fork(self, ref: bool = True, priority: int | None = None) -> Watcher:
        """A watcher that never fires: a fork inside virtual time starts no new timeline."""
        return Watcher(self, ref, priority)

    def io(self, fd: int, events: int, ref: bool = True, priority: int | None = None) -> IoWatcher:
        return IoWatcher(self, fd, events, ref, priority)

    def child(self, pid: int, trace: int = 0, ref: bool = True) -> Watcher:
        return ChildWatcher(self, pid, trace, ref)

    def stat(
        self, path: str, interval: float = 0.0, ref: bool = True, priority: int | None = None
    ) -> Watcher:
        return StatWatcher(self, path, interval, ref, priority)

    # The rest of the interface.

    def install_sigchld(self) -> None:
        ChildWatcher.refuse()

    def reset_sigchld(self) -> None:
        """Nothing was installed."""

    def closing_fd(self, fd: int) -> bool:  # noqa: ARG002
        return False

    def reinit(self) -> None:
        """Nothing is shared with the kernel."""

    def fileno(self) -> None:
        """There is no file behind."""

    def debug(self) -> list[str]:
        return []

    @property
    def activecnt(self) -> int:
        return len(self.ready) + len(self.timers) + len(self.idle_timers)

    def _format(self) -> str:
        return f'virtual now={self.now()} ready={len(self.ready)} timers={len(self.timers)}'
