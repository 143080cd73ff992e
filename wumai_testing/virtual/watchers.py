"""The watchers of a VirtualLoop: each puts itself into the loop's ready queue when it is due."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from wumai_testing.virtual.errors import RealWorkRefused
from wumai_testing.virtual.report import caller, driver_asks
from wumai_testing.virtual.timebase import SECOND

if TYPE_CHECKING:
    from wumai_testing.virtual.loop import VirtualLoop

NEVER = 1 << 63
"""An instant that no timeline reaches."""


class Callback:
    """One call that is ready. gevent looks at `pending`, at `args` and at its truth."""

    __slots__ = ('args', 'callback')

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args: tuple[object, ...] | None = args

    def stop(self) -> None:
        self.callback = self.args = None

    close = stop

    @property
    def pending(self) -> bool:
        return self.callback is not None

    def __bool__(self) -> bool:
        """True until the call has ended, where `pending` is false once it has begun."""
        return self.args is not None

    def fire(self) -> None:
        callback, args = self.callback, self.args
        if callback is None or args is None:
            return
        self.callback = None
        try:
            callback(*args)
        finally:
            self.args = None


class Watcher:
    """Calls back when it is fed; by itself it never is."""

    __slots__ = ('__weakref__', 'args', 'callback', 'loop', 'pending', 'priority', 'ref')

    def __init__(self, loop: VirtualLoop, ref: bool = True, priority: int | None = None) -> None:
        self.loop = loop
        self.ref = ref
        self.priority = priority
        self.callback: Callable[..., object] | None = None
        self.args: tuple[object, ...] | None = None
        self.pending = False

    def start(self, callback: Callable[..., object], *args: object, **_options: object) -> None:
        if not callable(callback):
            raise TypeError(f'Expected a callable, not {callback!r}.')
        self.callback = callback
        self.args = args

    def stop(self) -> None:
        self.pending = False
        self.callback = self.args = None

    def close(self) -> None:
        self.stop()

    @property
    def active(self) -> bool:
        return self.callback is not None

    def feed(self) -> None:
        """Put it into the ready queue, where it stands once at most."""
        if self.callback is not None and not self.pending:
            self.pending = True
            self.loop.ready.append(self)

    def fire(self) -> None:
        if self.pending and self.callback is not None:
            self.pending = False
            self.callback(*(self.args or ()))

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Timer(Watcher):
    """Due at an instant; `after` and `repeat` are seconds from the start and from the last."""

    __slots__ = ('after', 'armed', 'due_ns', 'idle_ns', 'repeat')

    def __init__(
        self,
        loop: VirtualLoop,
        after: float,
        repeat: float = 0.0,
        ref: bool = True,
        priority: int | None = None,
    ) -> None:
        if repeat < 0.0:
            raise ValueError(f'repeat must be positive or zero, not {repeat!r}')
        super().__init__(loop, ref, priority)
        self.after = after
        self.repeat = repeat
        self.due_ns = 0
        self.armed = 0
        """The number of its arming; 0 while it is not armed."""
        self.idle_ns = 0
        """The interval of a poll that waits for nothing but time; 0 for other timers."""

    @property
    def heap(self) -> TimerHeap:
        return self.loop.idle_timers if self.idle_ns else self.loop.timers

    @property
    def active(self) -> bool:
        return self.armed != 0

    def start(self, callback: Callable[..., object], *args: object, **options: object) -> None:
        super().start(callback, *args, **options)
        if not self.armed:
            self.arm(self.loop.base.now_ns + _delay_ns(self.after))

    def again(self, callback: Callable[..., object], *args: object, **options: object) -> None:
        """Start anew with `repeat` for a delay, or stop where there is none."""
        self.stop()
        if self.repeat:
            super().start(callback, *args, **options)
            self.arm(self.loop.base.now_ns + _delay_ns(self.repeat))

    def arm(self, due_ns: int) -> None:
        """Be due at `due_ns`, and behind all that is armed already for that instant."""
        if self.armed:
            self.heap.discard(self)
        self.due_ns = due_ns if due_ns <= self.loop.base.last_ns else NEVER
        self.armed = self.loop.base.next_arming()
        self.heap.push(self)

    def stop(self) -> None:
        if self.armed:
            self.heap.discard(self)
        super().stop()

    def feed(self) -> None:
        """It is due: into the ready queue, and armed again if it repeats."""
        self.heap.discard(self)
        super().feed()
        if self.repeat:
            self.arm(max(self.due_ns + _delay_ns(self.repeat), self.loop.base.now_ns))

    def fire(self) -> None:
        super().fire()
        if not self.armed and not self.pending:
            self.callback = self.args = None


def _delay_ns(seconds: float) -> int:
    if isinstance(seconds, int):
        return max(seconds, 0) * SECOND
    if math.isnan(seconds):
        raise ValueError('A timer cannot wait for nan seconds.')
    return max(round(min(seconds, 1e12) * SECOND), 0)


class TimerHeap:
    """Armed timers by (instant, arming). A stopped one is left behind and skipped later."""

    __slots__ = ('_entries', '_stale')

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Timer]] = []
        self._stale = 0

    def __len__(self) -> int:
        return len(self._entries) - self._stale

    def push(self, timer: Timer) -> None:
        heapq.heappush(self._entries, (timer.due_ns, timer.armed, timer))

    def discard(self, timer: Timer) -> None:
        """Disarm `timer`; entries of disarmed ones are kept to half of the heap."""
        if timer.armed:
            timer.armed = 0
            self._stale += 1
            if self._stale > 64 and self._stale * 2 > len(self._entries):
                self._entries = self.all()
                self._stale = 0

    def first(self) -> tuple[int, int, Timer] | None:
        """The timer that is due first, behind its instant and arming."""
        entries = self._entries
        while entries and entries[0][2].armed != entries[0][1]:
            heapq.heappop(entries)
            self._stale -= 1
        return entries[0] if entries and entries[0][0] < NEVER else None

    def all(self) -> list[tuple[int, int, Timer]]:
        """Every armed timer, in order."""
        return sorted(entry for entry in self._entries if entry[2].armed == entry[1])

    def clear(self) -> None:
        for _due, _armed, timer in self._entries:
            timer.armed = 0
            timer.callback = timer.args = None
        self._entries.clear()
        self._stale = 0


class AsyncWatcher(Watcher):
    """Fed by `send`, from any thread."""

    __slots__ = ()

    def send(self) -> None:
        self.feed()

    def send_ignoring_arg(self, _ignored: object) -> None:
        self.feed()


class SignalWatcher(Watcher):
    """Fed by `Node.signal`: real signals are one process's, and nodes are many."""

    __slots__ = ('signum',)

    def __init__(
        self, loop: VirtualLoop, signum: int, ref: bool = True, priority: int | None = None
    ) -> None:
        super().__init__(loop, ref, priority)
        self.signum = signum

    def start(self, callback: Callable[..., object], *args: object, **options: object) -> None:
        super().start(callback, *args, **options)
        if self not in self.loop.signals:
            self.loop.signals.append(self)

    def stop(self) -> None:
        if self in self.loop.signals:
            self.loop.signals.remove(self)
        super().stop()


class IdleWatcher(Watcher):
    """Fed whenever the loop comes to the point that `place` stands for."""

    __slots__ = ('place',)

    def __init__(
        self,
        loop: VirtualLoop,
        place: dict[Watcher, None],
        ref: bool = True,
        priority: int | None = None,
    ) -> None:
        super().__init__(loop, ref, priority)
        self.place = place

    def start(self, callback: Callable[..., object], *args: object, **options: object) -> None:
        super().start(callback, *args, **options)
        self.place[self] = None

    def stop(self) -> None:
        self.place.pop(self, None)
        super().stop()


SOCKETS_CURE = (
    'A real peer answers in real time, which stands still here: let `wumai_sim.http` answer for '
    "it, or put a simulated peer in its place. Only a database's driver may use real sockets."
)


class IoWatcher(Watcher):
    """Refused when it is to wait: a socket that never has to wait takes no time at all.

    Only for a database's driver it waits, in real time, while the clock stands still.
    """

    __slots__ = ('events', 'fd')

    def __init__(
        self,
        loop: VirtualLoop,
        fd: int,
        events: int,
        ref: bool = True,
        priority: int | None = None,
    ) -> None:
        super().__init__(loop, ref, priority)
        self.fd = fd
        self.events = events

    def start(self, callback: Callable[..., object], *args: object, **options: object) -> None:
        if not driver_asks():
            self._refuse()
        super().start(callback, *((self.events, *args) if options.get('pass_events') else args))
        self.loop.base.in_flight.add(self)

    def stop(self) -> None:
        self.loop.base.in_flight.discard(self)
        super().stop()

    def _refuse(self) -> NoReturn:
        direction = {1: 'read from', 2: 'write to'}.get(self.events & 3, 'use')
        refuse(
            f'to wait until it can {direction} file descriptor {self.fd} (a gevent socket?)',
            SOCKETS_CURE,
        )


class ChildWatcher(Watcher):
    """Refused: a child process lives in real time."""

    __slots__ = ()

    def __init__(self, *_args: Any) -> None:
        self.refuse()

    @staticmethod
    def refuse() -> NoReturn:
        refuse(
            'to wait for a child process through gevent',
            'A child process lives in real time, which stands still here: replace it in the '
            'test, or start it with an unpatched subprocess, which takes no virtual time.',
        )


class StatWatcher(Watcher):
    """Refused: files change in real time."""

    __slots__ = ()

    def __init__(self, _loop: VirtualLoop, path: str, *_args: Any) -> None:
        refuse(
            f'to watch the file {path!r} for changes',
            'Files change in real time, which stands still here: look at it in a loop with '
            'gevent.sleep().',
        )


def refuse(what: str, cure: str) -> NoReturn:
    """Raise the error that names what was tried, where, and what to do."""
    raise RealWorkRefused(f'Code inside virtual time asked {what}, at {caller()}. {cure}')
