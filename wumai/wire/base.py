"""What every wire does: wake-ups sent in the background, folded, and heard until told to stop.

A wire is no promise: what it loses, a poll finds. So a server that is down costs latency alone.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

import gevent

from wumai import logger
from wumai.clock import Clock
from wumai.entropy import Entropy

FIRST, LONGEST = 0.5, 30.0
"""Seconds until the server is tried again: after one failure, and after many."""
FOLD = 0.005
"""Seconds from one wake-up to the next; all jobs between them are one."""
ANSWER = 5.0
"""Seconds that the server may take to answer."""
SILENCE = 30.0
"""Seconds without a message after which the server is asked whether it is still there."""


class Port(Protocol):
    """A server at which processes meet. Both methods raise whatever its driver does."""

    name: str
    """What people know it by."""

    def send(self, sender: str) -> None:
        """Tell all that listen; done, or failed, within `ANSWER` seconds."""

    def hear(self) -> 'Heard':
        """The senders of what is told, from now on. None comes first, when it listens, and
        after each `SILENCE` in which the server was still there.
        """


class Heard(Iterator[str | None], Protocol):
    """What a port hears. It waits for its server."""

    def close(self) -> None:
        """End the connection."""


class Wire:
    """This process's end."""

    def __init__(self, port: Port, process: str, clock: Clock, entropy: Entropy) -> None:
        self.connected = False
        """Whether what others send is heard."""
        self._port = port
        self._process = process
        self._out = _Way(port.name, 'workers of other processes are not woken', clock, entropy)
        self._in = _Way(port.name, 'jobs of other processes wait for a poll', clock, entropy)
        self._due = False
        self._sending: gevent.Greenlet[[], None] | None = None

    def send(self) -> None:
        """Tell the other processes soon; what is sent meanwhile is told together."""
        self._due = True
        if not self._sending and not self._out.rests():
            self._sending = gevent.spawn(self._send)

    def _send(self) -> None:
        while self._due:
            self._due = False
            try:
                self._port.send(self._process)
            except Exception as error:
                self._out.failed(error)
                return
            self._out.works()
            gevent.sleep(FOLD)

    def hear(self, told: Callable[[], None]) -> Callable[[], None]:
        """Call `told` when another process has sent, until the value returned is called. Also
        once when it begins to listen, since something may have been sent before.
        """
        hearing = gevent.spawn(self._hear, told)
        return lambda: hearing.kill()

    def _hear(self, told: Callable[[], None]) -> None:
        while True:
            try:
                with closing(self._port.hear()) as senders:
                    self._follow(senders, told)
            except Exception as error:
                pause = self._in.failed(error)
            finally:
                self.connected = False
            gevent.sleep(pause)

    def _follow(self, senders: Heard, told: Callable[[], None]) -> None:
        for sender in senders:
            self._in.works()
            if sender not in (None, self._process) or not self.connected:
                told()
            self.connected = True
        raise ConnectionError('the connection was closed')


class _Way:
    """In or out: how often it has failed, and when it is tried again."""

    def __init__(self, server: str, consequence: str, clock: Clock, entropy: Entropy) -> None:
        self._server = server
        self._consequence = consequence
        self._clock = clock
        self._entropy = entropy
        self._failures = 0
        self._rests_until = 0.0

    def rests(self) -> bool:
        """Whether it is not to be tried yet."""
        return bool(self._failures) and self._clock.monotonic() < self._rests_until

    def failed(self, error: Exception) -> float:
        """Note a failure; the seconds until the next attempt. The first of a row is logged."""
        if not self._failures:
            logger.warning('%s: %s: %s', self._server, error, self._consequence)
        longest = min(FIRST * 2.0 ** min(self._failures, 10), LONGEST)
        pause = longest * (0.5 + self._entropy.fraction() / 2)
        self._failures += 1
        self._rests_until = self._clock.monotonic() + pause
        return pause

    def works(self) -> None:
        """Note a success."""
        if self._failures:
            logger.warning('%s answers again, after %d failures', self._server, self._failures)
        self._failures = 0
