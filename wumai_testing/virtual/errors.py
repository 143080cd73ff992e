"""What may go wrong in virtual time.

VirtualTimeError: every error below but VirtualStuck, and wrong use of the clock itself.
    VirtualDeadlock: something is waited for that nothing can bring about any more.
    VirtualLivelock: callbacks run without end while time stands still.
    VirtualTimeout: `run_until(..., within=...)` came to its end.
    RealWorkRefused: work that takes real time: native threads, sockets, child processes, asyncio.
VirtualStuck: code that does not yield; no Exception, so that no handler's `except` hides it.
"""

from collections.abc import Callable


class VirtualTimeError(Exception):
    """Virtual time cannot go on, or was asked for what it cannot do."""


class VirtualDeadlock(VirtualTimeError):
    """Something is waited for, and nothing is left to run that could bring it about."""


class VirtualLivelock(VirtualTimeError):
    """Too many callbacks ran at one instant."""


class VirtualTimeout(VirtualTimeError):
    """The time that `run_until` was given has passed."""


class RealWorkRefused(VirtualTimeError):
    """Work that takes real time was asked for inside virtual time."""


class VirtualStuck(BaseException):
    """A node's code did not yield, or the test polled the clock, for a long while of real time.

    The interpreter makes it without arguments where it interrupts a node; `struck` says then
    what is known, in the greenlet that is stuck.
    """

    struck: Callable[[], str] | None = None

    def __init__(self, message: str | None = None) -> None:
        if message is None and VirtualStuck.struck is not None:
            message = VirtualStuck.struck()
        super().__init__(message or 'Code ran for too long without yielding.')
