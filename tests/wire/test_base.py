"""Wake-ups between processes: folded, heard, and given up for a while where the server is down."""

import random
from collections.abc import Callable, Generator, Iterator

import gevent
import pytest
from gevent.queue import Queue

from wumai.clock import Clock
from wumai.entropy import RandomEntropy
from wumai.wire.base import FIRST, FOLD, LONGEST, Wire
from wumai_testing.clock import VirtualTime, virtual_time
from wumai_testing.node import NodeClock

HOUR = 3600


class FakePort:
    """A server that takes a while, and may be down."""

    name = 'the port'

    def __init__(self) -> None:
        self.down = False
        self.sent: list[str] = []
        self.attempts = 0
        self.open = 0
        self.queue: Queue[str | None] = Queue()

    def _attempt(self) -> None:
        self.attempts += 1
        gevent.sleep(0.01)
        if self.down:
            raise ConnectionError('no server')

    def send(self, sender: str) -> None:
        self._attempt()
        self.sent.append(sender)

    def hear(self) -> Generator[str | None, None, None]:
        self._attempt()
        self.open += 1
        try:
            yield None
            while not self.down:
                yield self.queue.get()
        finally:
            self.open -= 1


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time() as clock:
        yield clock


@pytest.fixture
def port(clock: VirtualTime) -> FakePort:
    return FakePort()


@pytest.fixture
def wire(clock: VirtualTime, port: FakePort) -> Wire:
    node: Clock = NodeClock(clock)
    return Wire(port, 'me', node, RandomEntropy(random.Random(1)))


@pytest.fixture
def told(wire: Wire) -> Iterator[list[int]]:
    """One item for each time that this process was told."""
    times: list[int] = []
    hang_up = wire.hear(lambda: times.append(1))
    yield times
    hang_up()


def test_sending_takes_no_time_and_is_folded(wire: Wire, port: FakePort) -> None:
    """Many jobs are one message; those made while it is on its way are another."""
    for _ in range(1000):
        wire.send()
    assert port.attempts == 0
    gevent.sleep(0.005)
    for _ in range(1000):
        wire.send()
    gevent.sleep(1)
    assert port.sent == ['me', 'me']


def test_wake_ups_are_counted_out(wire: Wire, port: FakePort) -> None:
    """However many jobs are created, they cost the server a bounded number of messages."""
    for _ in range(10_000):
        wire.send()
        gevent.sleep(0.001)
    assert len(port.sent) <= 10 / (0.01 + FOLD) + 1


def test_what_others_send_is_heard(wire: Wire, port: FakePort, told: list[int]) -> None:
    """But not what was sent by this process itself."""
    gevent.sleep(1)
    assert (told, wire.connected) == ([1], True)  # what was sent before it listened is lost
    port.queue.put('me')
    port.queue.put(None)
    gevent.sleep(1)
    assert told == [1]
    port.queue.put('another')
    gevent.sleep(1)
    assert told == [1, 1]


def test_a_server_that_is_down_is_asked_seldom(
    wire: Wire, port: FakePort, told: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is created meanwhile; and it is told once."""
    port.down = True
    for _ in range(HOUR):
        wire.send()
        gevent.sleep(1)
    assert HOUR / LONGEST <= port.attempts <= 4 * HOUR / LONGEST + 20
    assert [record.getMessage() for record in caplog.records] == [
        'the port: no server: jobs of other processes wait for a poll',
        'the port: no server: workers of other processes are not woken',
    ]
    assert not wire.connected


def test_a_server_that_comes_back_is_used_again(
    wire: Wire, port: FakePort, told: list[int]
) -> None:
    """Something may have been sent meanwhile, so this process is told."""
    gevent.sleep(1)
    port.down = True
    port.queue.put(None)
    gevent.sleep(5)
    assert (told, wire.connected) == ([1], False)
    port.down = False
    gevent.sleep(LONGEST)
    assert (told, wire.connected) == ([1, 1], True)
    wire.send()
    gevent.sleep(1)
    assert port.sent == ['me']


def test_the_first_pause_is_short(wire: Wire, port: FakePort, told: list[int]) -> None:
    """A server that was restarted is missed for no longer than that."""
    gevent.sleep(1)
    port.down = True
    port.queue.put(None)
    gevent.sleep(0.001)
    port.down = False
    gevent.sleep(FIRST + 0.02)
    assert wire.connected


def test_hanging_up(wire: Wire, port: FakePort) -> None:
    """Ends the connection."""
    hang_up: Callable[[], None] = wire.hear(lambda: None)
    gevent.sleep(1)
    assert (port.open, wire.connected) == (1, True)
    hang_up()
    assert (port.open, wire.connected) == (0, False)
