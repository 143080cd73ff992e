"""Virtual time for gevent: a clock that stands still while code runs, and jumps when none can.

    with virtual_time() as clock:
        worker = clock.node('w1')
        worker.spawn(work)
        clock.advance(600)

Inside, everything that waits through gevent, and `time.sleep`, takes virtual time alone;
`datetime.now()`, `time.time()` and `time.monotonic()` follow; `time.perf_counter()` stays real.
`random`, `secrets`, `uuid.uuid4()` and `os.urandom()` draw the same in each run.
The test itself runs on the timeline: where it waits, the nodes run. Each node is a process of
its own: it can be stalled, crash and get signals.

Limits: a wait outside gevent (an unpatched lock, a socket that blocks, a `sleep` that was bound
as a default argument) waits in real time; code in C cannot be interrupted by the watchdog.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from gevent._hub_local import get_hub_if_exists
from gevent.hub import Hub
from gevent.monkey import get_original

from wumai_testing.virtual import patches
from wumai_testing.virtual.errors import (
    RealWorkRefused,
    VirtualDeadlock,
    VirtualLivelock,
    VirtualStuck,
    VirtualTimeError,
    VirtualTimeout,
)
from wumai_testing.virtual.hub import OutsideHub, set_hub
from wumai_testing.virtual.node import Node
from wumai_testing.virtual.timeline import VirtualTime
from wumai_testing.virtual.watchdog import WATCHDOG, Guard

__all__ = [
    'Node',
    'RealWorkRefused',
    'VirtualDeadlock',
    'VirtualLivelock',
    'VirtualStuck',
    'VirtualTime',
    'VirtualTimeError',
    'VirtualTimeout',
    'virtual_time',
]

START = datetime(2026, 1, 1)
"""When virtual time begins unless told otherwise."""


@contextmanager
def virtual_time(
    start: datetime = START,
    stuck_after: float | None = 5.0,
    callbacks_max: int = 1_000_000,
    seed: int = 0,
) -> Iterator[VirtualTime]:
    """Open a world in virtual time, and put everything back after it.

    A turn of a node that takes more than `stuck_after` real seconds is interrupted (None: never);
    more than `callbacks_max` callbacks at one instant are a livelock. `random`, `secrets`, `uuid4`
    and `os.urandom` draw from `seed`.
    """
    if OutsideHub.world is not None:
        raise VirtualTimeError('Virtual time is open already: it cannot be entered twice.')
    guard = Guard(get_original('_thread', 'get_ident')(), stuck_after)
    outside = get_hub_if_exists()
    with ExitStack() as undo:
        undo.callback(set_hub, outside)
        clock = VirtualTime(start, guard, callbacks_max)
        _take_over(undo, clock, outside)
        undo.enter_context(patches.patched(clock.base, seed))
        WATCHDOG.watch(guard)
        undo.callback(WATCHDOG.forget)
        undo.callback(clock.close)
        set_hub(clock.own_hub)
        yield clock


def _take_over(undo: ExitStack, clock: VirtualTime, outside: Hub | None) -> None:
    """Let objects that belong to the process's real hub wait in `clock` for the while."""
    OutsideHub.world = clock
    undo.callback(setattr, OutsideHub, 'world', None)
    if outside is not None:
        undo.callback(setattr, outside, 'loop', outside.loop)
        undo.callback(setattr, outside, '__class__', outside.__class__)
        outside.__class__ = OutsideHub
        outside.loop = clock.own_hub.loop
