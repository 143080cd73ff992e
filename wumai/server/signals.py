"""The signals that stop a server: the first one stops it gracefully, a second one at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import gevent

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def leave_at_once() -> None:
    """End the process with exit code 1; nothing is cleaned up."""
    os._exit(1)


@dataclass(eq=False)
class _Listener:
    hub: Any
    on_first: Callable[[], None]
    on_second: Callable[[], None]
    told: bool = False

    def signalled(self) -> None:
        if self.told:
            self.on_second()
            return
        self.told = True
        # Wakes the hub, and runs in a greenlet of its own: it may log and wait.
        self.hub.loop.run_callback_threadsafe(gevent.spawn, self.on_first)


# An api and a worker may run in one process: a signal is for both.
_listeners: list[_Listener] = []
_replaced: dict[signal.Signals, Any] = {}


@contextmanager
def stop_signals(
    on_first: Callable[[], None], on_second: Callable[[], None] = leave_at_once
) -> Iterator[None]:
    """While the block runs, the first stop signal calls `on_first` in a new greenlet, and each
    later one `on_second` where it strikes. The previous handlers are put back afterwards.

    Nothing is done outside of the main thread or on a virtual hub, where no signal arrives.
    """
    # Python's own handlers instead of gevent.signal_handler: a handler that loops without
    # yielding keeps the hub from running, and a second signal is to end that too.
    hub = gevent.get_hub()
    if not (hub.main_hub and hub.loop.default):
        yield
        return
    listener = _Listener(hub, on_first, on_second)
    if not _listeners:
        _take_over()
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
        if not _listeners:
            _put_back()


def _take_over() -> None:
    for number in STOP_SIGNALS:
        _replaced[number] = signal.signal(number, _signalled)


def _signalled(_number: int, _frame: FrameType | None) -> None:
    for listener in tuple(_listeners):
        listener.signalled()


def _put_back() -> None:
    while _replaced:
        number, handler = _replaced.popitem()
        # None stands for a handler that was not installed by Python, and cannot be put back.
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
