"""Ctrl-C for commands that must not leave processes or folders behind."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Inside, SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, unless they are put off."""

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        self._holding = self._over = self._pending = False

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            # nohup is to hold: what it started ignores SIGHUP.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Let what is begun here be finished, and raise then."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._pending:
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """From now on: all is being taken away already."""
        self._over = True

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self._over:
            return
        if self._holding:
            self._pending = True
            return
        raise KeyboardInterrupt
