"""The wire of a simulation: what one process sends is heard by the others a moment later."""

from collections.abc import Generator

import gevent
from gevent.queue import Queue

LATENCY = 0.001
"""Seconds from sent to heard."""


class VirtualPort:
    """Takes the place of Redis, where `REDIS_HOST` is set."""

    name = 'a virtual Redis'

    def __init__(self) -> None:
        self._heard: list[Queue[str]] = []

    def send(self, sender: str) -> None:
        gevent.sleep(LATENCY)
        for queue in list(self._heard):
            queue.put(sender)

    def hear(self) -> Generator[str | None, None, None]:
        queue: Queue[str] = Queue()  # made where it is waited for
        self._heard.append(queue)
        try:
            yield None
            while True:
                yield queue.get()
        finally:
            self._heard.remove(queue)
