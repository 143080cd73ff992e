"""VirtualTime: the timeline, and who turns the nodes on it.

The test's own greenlet turns them: whenever it waits, or asks for time to pass, it picks the
node that has something ready, or moves the clock to the next timer, and switches into that
node's hub, which comes back when nothing is ready there any more. So every error of the
timeline is raised in the test, at the line that waited.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import gevent
from gevent._hub_local import get_hub_if_exists
from gevent.event import Event
from gevent.hub import Hub
from gevent.lock import Semaphore
from greenlet import GreenletExit, getcurrent, greenlet

from wumai_testing.duration import format_duration, parse_duration
from wumai_testing.virtual import report
from wumai_testing.virtual.agenda import Agenda
from wumai_testing.virtual.errors import (
    VirtualDeadlock,
    VirtualLivelock,
    VirtualStuck,
    VirtualTimeError,
    VirtualTimeout,
)
from wumai_testing.virtual.hub import NodeHub, raw_switch, set_hub
from wumai_testing.virtual.loop import Ready
from wumai_testing.virtual.node import Node
from wumai_testing.virtual.polls import Polls
from wumai_testing.virtual.timebase import SECOND, Timebase, to_ns
from wumai_testing.virtual.watchdog import Guard

_TURNED = object()
"""What a hub hands over when nothing is ready on its node any more."""
_NOTHING = object()
"""What a step returns that found nothing to run, as far as its horizon."""
_WAITS_MAX = 1000
"""How often a greenlet may try to wait while it is put away."""
_ABANDONED: list[greenlet] = []
"""Greenlets that would not end. Kept, since they would run again where they are freed."""


class VirtualTime:
    """One world in virtual time; `wumai_testing.clock.virtual_time` opens it."""

    def __init__(self, start: datetime, guard: Guard, callbacks_max: int) -> None:
        self.base = Timebase(start, callbacks_max)
        self.main = getcurrent()
        self.closed = False
        """True while the leftovers are put away: what they still do is to be ignored."""
        self.on_idle: Callable[[], int | None] | None = None
        """Says at which ns something may next be due for another reason than a timer."""
        self.nodes: dict[str, Node] = {}
        """The latest node of each name."""
        self.parked: dict[greenlet, None] = {}
        """Every greenlet that waits, in the order in which they began to."""
        self._guard = guard
        guard.escape = self._abandon
        if guard.budget is not None:
            guard.polls = Polls(self.base, guard.budget)
        self._failure: BaseException | None = None
        self._refusals = 0
        self._all: list[Node] = []
        self._own = self._add('the test')
        self._live = [self._own]
        self._agenda = Agenda(self.base, self._live)

    # What the time is.

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the start."""
        return self.base.now_ns

    def now(self) -> datetime:
        """Naive UTC."""
        return self.base.now()

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self.base.now_ns / SECOND

    # Nodes.

    def node(self, name: str) -> Node:
        """Start a simulated process; a name whose node has crashed may be used again."""
        known = self.nodes.get(name)
        if known is not None and known.alive:
            raise VirtualTimeError(
                f'There is a node {name!r} that lives: take it from clock.nodes[{name!r}], or '
                'crash it before another of that name is started.'
            )
        node = self.nodes[name] = self._add(name)
        self._live.append(node)
        return node

    def _add(self, name: str) -> Node:
        node = Node(self, name)
        self._all.append(node)
        return node

    @property
    def current_node(self) -> Node | None:
        """The node whose code is running; None in the test."""
        node = getattr(get_hub_if_exists(), 'node', None)
        return None if node is self._own else node

    def bury(self, node: Node) -> None:
        """Never turn `node` again.

        A lock at module level may have taken its hub for the one to notify through; what
        comes in that way is run by the test, and gets no further than a greenlet's own hub.
        """
        if node in self._live:
            self._live.remove(node)
            node.hub.loop = self._own.hub.loop

    # Letting time pass, from the test.

    def advance(self, duration: float | str) -> None:
        """Let seconds pass, or a duration such as '10m', and run all that is due until then, that
        at the last instant included.
        """
        self._only_from_test('advance()')
        horizon = self.base.now_ns + to_ns(parse_duration(duration))
        if horizon > self.base.last_ns:
            raise VirtualTimeError(f'advance({duration!r}) goes beyond the year 9999.')
        while self._step(horizon) is not _NOTHING:
            pass
        self.base.move_to(horizon)

    def settle(self) -> None:
        """Run what is ready at this instant, and what that makes ready."""
        self._only_from_test('settle()')
        while (node := self._ready_node()) is not None:
            self._turn(node)

    def run_until(self, condition: Callable[[], object], within: float | str | None = None) -> None:
        """Run turn by turn until `condition()` is true, for at most `within`."""
        self._only_from_test('run_until()')
        limit = None if within is None else parse_duration(within)
        horizon = None if limit is None else self.base.now_ns + to_ns(limit)
        while not condition():
            if self._step(horizon) is not _NOTHING:
                continue
            if horizon is None or self._agenda.earliest() is None:
                raise VirtualDeadlock(
                    f'Nothing is left to run, and run_until({_name(condition)}) is not true at '
                    f'{self._offset()}. {self._who_waits()}'
                )
            self.base.move_to(horizon)
            if not condition():
                raise VirtualTimeout(
                    f'run_until({_name(condition)}) is not true after '
                    f'{format_duration(limit or 0)} of virtual time, at {self._offset()}. '
                    f'{self._who_waits()}'
                )
            return

    def next_timer_ns(self, include_idle: bool = False) -> int | None:
        """The instant of the earliest timer of any live node, or of the end of a stall."""
        return self._agenda.next_ns(include_idle)

    def wait_idle(self, event: Event, seconds: float, node: Node | None = None) -> bool:
        """Wait for `event`, at most `seconds`, in a poll that may be stretched by multiples."""
        if node is not None and node is not self.current_node:
            raise VirtualTimeError(f'wait_idle() for {node!r} was called outside that node.')
        if seconds <= 0:
            return bool(event.wait(0))
        timeout = gevent.Timeout(seconds)
        timer: Any = timeout.timer
        timer.idle_ns = max(to_ns(seconds), 1)
        try:
            timeout.start()
            event.wait()
        except gevent.Timeout as fired:
            if fired is not timeout:
                raise
            return False
        finally:
            timeout.close()
        return True

    @contextmanager
    def budgeted(self, name: str) -> Iterator[None]:
        """Code of the test's own that the watchdog is to stop where it does not yield."""
        self._guard.begin(name)
        try:
            yield
        finally:
            stuck = self._guard.end()
            if stuck is not None:
                raise VirtualStuck(stuck)

    def on_progress(self, progress: Callable[[], object]) -> None:
        """Take the test for at work, and not for waiting, as long as what `progress` says changes;
        it is called from another thread.
        """
        if self._guard.polls is not None:
            self._guard.polls.progress = progress

    def describe_current(self) -> str:
        """Who is running now, and where: for errors and traces."""
        where = self.current_node.name if self.current_node else 'the test'
        return f'{report.name_of(getcurrent())} of {where} at {report.caller()}'

    def _only_from_test(self, what: str) -> None:
        if self.closed:
            raise VirtualTimeError(f'clock.{what} was called after its virtual time ended.')
        if getcurrent() is not self.main:
            raise VirtualTimeError(
                f'clock.{what} was called at {report.caller()}, in a greenlet. Only the test '
                'itself lets time pass; elsewhere wait with gevent.sleep().'
            )

    # Turning nodes.

    def _step(self, horizon: int | None) -> Any:
        """Run one turn, moving the clock to the next timer (to `horizon` at most) if need be."""
        node = self._ready_node() or self._jump(horizon)
        return _NOTHING if node is None else self._turn(node)

    def _ready_node(self) -> Node | None:
        for node in self._live:
            if node.loop.ready and not node.stalled:
                return node
        return None

    def _turn(self, node: Node) -> Any:
        """Let `node` run all that is ready; returns what the test was woken with instead."""
        guard = self._guard
        set_hub(node.hub)
        outer = guard.begin(node.name)
        try:
            result = raw_switch(node.hub)
        except VirtualStuck:
            result = _TURNED
        finally:
            stuck = guard.end()
            guard.begin(outer)
            set_hub(self._own.hub)
        if stuck is not None:
            raise VirtualStuck(stuck)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return result

    def _jump(self, horizon: int | None) -> Node | None:
        """Move to the earliest timer and make it ready; returns its node."""
        agenda, on_idle = self._agenda, self.on_idle
        due = agenda.earliest(horizon)
        if due is not None and on_idle is not None and agenda.is_poll_to_come(due):
            due = agenda.earliest(horizon) if agenda.stretch(on_idle(), horizon) else None
        if due is None:
            return None
        instant, _armed, node, timer = due
        self.base.move_to(instant)
        if timer is None:
            node.resume()
        else:
            timer.feed()
        return node

    # Waiting; called by the hubs.

    def wait(self, hub: Hub) -> Any:
        self.base.in_flight.wait()
        current = getcurrent()
        if current is self.main:
            return self._wait_in_test()
        if self.closed:
            return self._refuse_to_wait()
        if isinstance(current, Hub):
            return Hub.switch(hub)  # gevent's error: a callback cannot wait
        home = self._home_of(current)
        self.parked[current] = None
        try:
            result = raw_switch(home)
            while get_hub_if_exists() is not home:
                self._go_home(current, home)
                if not (isinstance(result, Semaphore) and result.locked()):
                    break
                # Somebody took it while this greenlet was on its way: queue up again.
                result.rawlink(current.switch)
                result = raw_switch(home)
        finally:
            self.parked.pop(current, None)
        return result

    def _wait_in_test(self) -> Any:
        while True:
            result = self._step(None)
            if result is _NOTHING:
                frame = sys._getframe()
                raise VirtualDeadlock(
                    f'Nothing is left to run, while {report.waits("the test", self.main, frame)}. '
                    f'Give that wait a timeout, or let something end it. {self._who_waits()}'
                )
            if result is not _TURNED:
                return result

    def _home_of(self, current: greenlet) -> NodeHub:
        parent = current.parent
        while parent is not None and not isinstance(parent, NodeHub):
            parent = parent.parent
        return parent or self._own.hub

    def _go_home(self, current: greenlet, home: NodeHub) -> None:
        """Woken by another node's hub: go on only when the own node is turned."""
        callback = home.node.loop.run_callback(current.switch)
        try:
            raw_switch(gevent.get_hub())
        finally:
            callback.stop()

    def loop_turned(self) -> None:
        """Called by a hub that has nothing ready."""
        self.main.switch(_TURNED)

    def loop_overran(self, event: Ready) -> None:
        self.base.callbacks = 0
        who = report.greenlet_behind(event)
        named = f'{report.name_of(who)}, at {report.place(who.gr_frame)}' if who else repr(event)
        self.fail(
            VirtualLivelock(
                f'{self.base.callbacks_max} callbacks ran at {self._offset()} and time did not '
                f'move. The next to run is {named}. Something wakes itself without end: let it '
                'wait with gevent.sleep() for some time above 0.'
            )
        )
        self.loop_turned()

    def leave(self, current: greenlet) -> None:
        """Hand over from the middle of a node's code; returns if the node goes on."""
        self.parked[current] = None
        try:
            self.main.switch(_TURNED)
        finally:
            self.parked.pop(current, None)

    def fail(self, error: BaseException) -> None:
        self._failure = self._failure or error

    # Telling.

    def _offset(self) -> str:
        return f'{format_duration(self.monotonic())} ({self.now().isoformat()}Z)'

    def _who_waits(self) -> str:
        waiting = [
            report.waits(self._describe(who), who, who.gr_frame) for who in list(self.parked)[:8]
        ]
        away = [repr(node) for node in self._all if node.stalled or node.crashed]
        told = '; '.join(waiting) if waiting else 'no other greenlet waits'
        return f'Waiting: {told}.' + (f' Not running: {", ".join(away)}.' if away else '')

    def _describe(self, who: greenlet) -> str:
        hub = self._home_of(who)
        where = 'the test' if hub is self._own.hub else f'node {hub.name}'
        return f'{report.name_of(who)} of {where}'

    # The end.

    @property
    def own_hub(self) -> NodeHub:
        """The hub of the test."""
        return self._own.hub

    def close(self) -> None:
        """Put every greenlet and hub away; quietly, and whatever they do."""
        self.closed = True
        for node in self._all:
            node.loop.halted = True
        while self.parked:
            self._put_away(next(iter(self.parked)))
        for node in self._all:
            set_hub(node.hub)
            node.hub.destroy(destroy_loop=True)
            node.loop.destroy()
        self.parked.clear()
        self.nodes.clear()
        self.on_idle = self._guard.escape = None

    def _put_away(self, who: greenlet) -> None:
        hub = self._home_of(who)
        self.parked.pop(who, None)
        self._refusals = 0
        set_hub(hub)
        self._guard.begin(hub.name)
        try:
            who.throw(GreenletExit)
        except BaseException:
            pass  # what it raises at its end concerns nobody
        finally:
            self._guard.end()

    def _abandon(self) -> Any:
        """Leave the running greenlet where it is, for ever: it cannot be made to end."""
        if getcurrent() is self.main:
            return None  # there is nowhere to leave the test for
        _ABANDONED.append(getcurrent())
        while True:
            self.main.switch(_TURNED)

    def _refuse_to_wait(self) -> Any:
        """Called where a greenlet waits in its cleanup after the end: there is no time left."""
        self._refusals += 1
        if self._refusals < _WAITS_MAX:
            raise GreenletExit('Virtual time has ended.')
        return self._abandon()


def _name(condition: Callable[..., object]) -> str:
    return getattr(condition, '__qualname__', repr(condition))
