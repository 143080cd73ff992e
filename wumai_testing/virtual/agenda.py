"""Agenda: what is due next on the nodes that live, and how far polls may be stretched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wumai_testing.virtual.timebase import Timebase
from wumai_testing.virtual.watchers import Timer

if TYPE_CHECKING:
    from wumai_testing.virtual.node import Node

    Due = tuple[int, int, Node, Timer | None]
    """An instant, the arming, the node, and the timer (None: the end of a stall)."""


class Agenda:
    """Looks at `nodes`, the list that the timeline keeps of those that live."""

    def __init__(self, base: Timebase, nodes: list[Node]) -> None:
        self._base = base
        self._nodes = nodes

    def earliest(self, horizon: int | None = None) -> Due | None:
        """What is due first, ties by the order of arming; None if not until `horizon`."""
        firsts = [_first_of(node, True) for node in self._nodes]
        due = min((first for first in firsts if first is not None), key=_order, default=None)
        return None if due is None or (horizon is not None and due[0] > horizon) else due

    def next_ns(self, include_idle: bool) -> int | None:
        """The instant at which a timer is due or a stall ends."""
        firsts = [_first_of(node, include_idle) for node in self._nodes]
        return min((first[0] for first in firsts if first is not None), default=None)

    def is_poll_to_come(self, due: Due) -> bool:
        """Whether `due` only waits for time to pass; one that is due now is past stretching."""
        return due[3] is not None and due[3].idle_ns > 0 and due[0] > self._base.now_ns

    def stretch(self, may_be_due: int | None, horizon: int | None) -> bool:
        """Move polls to the last of their times before anything can happen; false: never."""
        instants = [self.next_ns(include_idle=False), may_be_due, horizon]
        until = min((instant for instant in instants if instant is not None), default=None)
        if until is None:
            return False
        moved = []
        for node in self._nodes:
            for due, armed, timer in [] if node.stalled else node.loop.idle_timers.all():
                skipped = (until - due) // timer.idle_ns * timer.idle_ns
                if skipped > 0:
                    # In the order in which the polls left out would have armed them.
                    moved.append((due + skipped - timer.idle_ns, armed, timer, due + skipped))
        for _armed_at, _armed, timer, due in sorted(moved, key=lambda move: move[:2]):
            timer.arm(due)
        return True


def _first_of(node: Node, include_idle: bool) -> Due | None:
    if node.stalled:
        return None if node.wakes is None else (*node.wakes, node, None)
    first = node.loop.timers.first()
    if include_idle:
        idle = node.loop.idle_timers.first()
        if idle is not None and (first is None or idle < first):
            first = idle
    return None if first is None else (first[0], first[1], node, first[2])


def _order(due: Due) -> tuple[int, int]:
    return due[:2]
