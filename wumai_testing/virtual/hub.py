"""The hubs of virtual time: where a greenlet that waits hands over to the timeline."""

import gc
from collections.abc import Callable
from typing import Any, Protocol, cast

from gevent import Timeout, _hub_local
from gevent._waiter import MultipleWaiter, Waiter
from gevent.exceptions import HubDestroyed
from gevent.hub import Hub
from gevent.monkey import get_original
from greenlet import GreenletExit, greenlet

from wumai_testing.virtual.errors import VirtualStuck, VirtualTimeError
from wumai_testing.virtual.loop import VirtualLoop
from wumai_testing.virtual.report import driver_asks
from wumai_testing.virtual.watchers import SOCKETS_CURE, refuse

THREADS_CURE = (
    'Native threads run in real time, which stands still here: with the pytest ini option '
    '`wumai_patch = true` gevent patches the process first, and threads are greenlets.'
)


_ORDINARY = (Exception, GreenletExit, SystemExit, KeyboardInterrupt, Timeout)
"""What may end a greenlet. Anything else, such as pytest's outcomes, is meant for the test."""


class Home(Protocol):
    """What a hub knows of its node."""

    name: str
    loop: VirtualLoop
    """Its own; the hub's `loop` is another's once the node has crashed."""


class World(Protocol):
    """What a hub knows of the timeline."""

    closed: bool

    def wait(self, hub: Hub) -> Any:
        """The running greenlet waits, with `hub` for what it thinks will wake it."""

    def fail(self, error: BaseException) -> None:
        """Raise `error` in the test, as soon as it has control."""


class NodeHub(Hub):
    """The hub of one node."""

    SYSTEM_ERROR = (KeyboardInterrupt, SystemError)
    """Not SystemExit: sys.exit() ends a simulated process's greenlet, not the test."""

    main_hub = True

    def __init__(self, world: World, loop: VirtualLoop, node: Home) -> None:
        super().__init__(loop=cast(Any, loop))
        self.world = world
        self.node = node
        self.name = node.name

    def switch(self) -> Any:
        return self.world.wait(self)

    def join(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        raise VirtualTimeError(
            'gevent.wait() without objects waits until a loop has nothing left, and virtual '
            'loops have no end: wait for the greenlets by name, or use clock.run_until().'
        )

    @property
    def threadpool(self) -> Any:  # type: ignore[override]
        refuse("for gevent's thread pool", THREADS_CURE)

    @property
    def resolver(self) -> Any:  # type: ignore[override]
        return _Resolver()

    def handle_error(self, context: Any, type: Any, value: Any, tb: Any) -> None:  # noqa: A002
        if type is not None and issubclass(type, HubDestroyed):
            raise value
        if self.world.closed or isinstance(value, VirtualStuck):
            return  # put away quietly; the watchdog tells of the latter itself
        if isinstance(value, AssertionError) and 'Waiter.switch' in str(value):
            self._deliver_elsewhere(context)
        elif not isinstance(value, _ORDINARY):
            self.world.fail(value)
        else:
            super().handle_error(context, type, value, tb)

    def _deliver_elsewhere(self, context: Any) -> None:
        """Wake a Waiter of another node there: a Waiter refuses any hub but its own.

        So gevent.joinall() and gevent.wait() of the test may wait for what nodes do.
        """
        link, source = context if isinstance(context, tuple) else (None, None)
        home = _hub_behind(link)
        if home is not None:
            if isinstance(link.__self__, MultipleWaiter):
                home.node.loop.run_callback(_wake_multiple, link.__self__)
            else:
                home.node.loop.run_callback(link, source)
        else:
            self.world.fail(
                VirtualTimeError(
                    f'Something that belongs to node {self.name} (a Queue?) is waited for on '
                    f'another node: {context!r}. Nodes are processes and share no gevent '
                    'queues: make it where it is waited for, or let each node have its own.'
                )
            )


def _hub_behind(link: Callable[..., object] | None) -> NodeHub | None:
    waiter = getattr(link, '__self__', None)
    if not isinstance(waiter, Waiter):
        return None
    return next((ref for ref in gc.get_referents(waiter) if isinstance(ref, NodeHub)), None)


def _wake_multiple(waiter: 'MultipleWaiter[Any]') -> None:
    """Go on with what was refused: a MultipleWaiter stores the value before it refuses.

    Its greenlet may have taken the value since, and would fail if it were woken for nothing.
    """
    values = next((ref for ref in gc.get_referents(waiter) if type(ref) is list), None)
    if values:
        Waiter.switch(waiter, True)


class _Resolver:
    """Looks up hosts for drivers of databases alone: gevent would ask threads or the network."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def look_up(*args: Any, **kwargs: Any) -> Any:
            if not driver_asks():
                refuse(f'to look up the host {args[0]!r}', SOCKETS_CURE)
            return get_original('socket', name)(*args, **kwargs)

        return look_up


class OutsideHub(Hub):
    """The process's real hub while a virtual world is open.

    Locks and events at module level belong to it. It becomes this class for the while, with
    the test's loop, so that a wait for them is virtual instead of endless.
    """

    world: World | None = None

    def switch(self) -> Any:
        if OutsideHub.world is None:
            return super().switch()
        return OutsideHub.world.wait(self)


raw_switch: Callable[[greenlet], Any] = greenlet.switch
"""Switches to a hub past its own `switch`."""

set_hub = cast(Callable[[Hub | None], None], _hub_local.set_hub)
"""Makes a hub the current one; None where the thread had none yet."""
