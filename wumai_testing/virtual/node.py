"""Node: a simulated process, with a hub and a loop of its own on the shared timeline."""

from __future__ import annotations

import signal as signals
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gevent
from gevent._hub_local import get_hub_if_exists
from greenlet import getcurrent

from wumai_testing.virtual.errors import VirtualTimeError
from wumai_testing.virtual.hub import NodeHub, set_hub
from wumai_testing.virtual.loop import VirtualLoop
from wumai_testing.virtual.timebase import to_ns

if TYPE_CHECKING:
    from wumai_testing.virtual.timeline import VirtualTime

_IGNORED = {signals.SIGCHLD, signals.SIGURG, signals.SIGWINCH, signals.SIGCONT}


class Node:
    """A process: it lives until it crashes, and stands still while it is stalled."""

    def __init__(self, world: VirtualTime, name: str) -> None:
        self.name = name
        self.alive = True
        self.crashed = False
        self.stalled = False
        self.wakes: tuple[int, int] | None = None
        """When a stall ends, as instant and arming; None without an end."""
        self.loop = VirtualLoop(world.base, world)
        self.hub = NodeHub(world, self.loop, self)
        self._world = world

    def __repr__(self) -> str:
        state = 'crashed' if self.crashed else 'stalled' if self.stalled else 'alive'
        return f'<Node {self.name} {state}>'

    def spawn(
        self, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> gevent.Greenlet[..., Any]:
        """Start `function` in a greenlet of this node."""
        if not self.alive:
            raise VirtualTimeError(
                f'Node {self.name} has crashed: start a new one with clock.node({self.name!r}).'
            )
        with self.inside():
            return gevent.spawn(function, *args, **kwargs)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is made in this block (pools, locks, queues) belongs to this node; wait not."""
        before = get_hub_if_exists()
        set_hub(self.hub)
        try:
            yield
        finally:
            set_hub(before)

    def stall(self, seconds: float | None = None) -> None:
        """Stand still as after SIGSTOP, for `seconds` or until `resume`."""
        if not self.alive:
            return
        self.stalled = self.loop.halted = True
        base = self.loop.base
        self.wakes = None
        if seconds is not None:
            self.wakes = (base.now_ns + to_ns(seconds), base.next_arming())
        if self._is_running():
            self._leave(again=True)

    def resume(self) -> None:
        """Go on, as after SIGCONT; timers that came due meanwhile fire now."""
        if self.alive and self.stalled:
            self.stalled = self.loop.halted = False
            self.wakes = None

    def crash(self) -> None:
        """End as by SIGKILL: nothing of it runs again, no `finally` either."""
        self.alive = self.stalled = False
        self.crashed = self.loop.halted = True
        self._world.bury(self)
        if self._is_running():
            self._leave(again=False)

    def signal(self, signum: int) -> None:
        """Deliver a signal; one that nothing watches for does what the kernel would do."""
        if not self.alive:
            return
        if signum == signals.SIGKILL:
            self.crash()
        elif signum == signals.SIGSTOP:
            self.stall()
        else:
            self._deliver(signum)

    def _deliver(self, signum: int) -> None:
        watching = [watcher for watcher in self.loop.signals if watcher.signum == signum]
        for watcher in watching:
            watcher.feed()
        if signum == signals.SIGCONT:
            self.resume()
        if not watching and signum not in _IGNORED:
            self.crash()

    def _is_running(self) -> bool:
        return self._world.current_node is self and getcurrent() is not self._world.main

    def _leave(self, again: bool) -> None:
        """Stop right here, in the middle of this node's own code."""
        current = getcurrent()
        resume = None
        if again:
            # The hub itself needs no switch, only to be turned.
            switch = current.switch if current is not self.hub else lambda: None
            resume = self.loop.run_callback(switch)
            self.loop.ready.rotate(1)  # it was running, so it is first to go on
        try:
            self._world.leave(current)
        finally:
            if resume is not None:
                resume.stop()
