"""Idle polls: stretched by whole multiples, with the times at which work begins unchanged."""

import gevent
import pytest
from gevent.event import Event

from wumai_testing.clock import VirtualDeadlock, VirtualTime, VirtualTimeError, virtual_time

SECOND = 1_000_000_000


class Shop:
    """Work that becomes due at fixed times, and nodes that poll for it."""

    def __init__(self, clock: VirtualTime, due: list[float], stretch: bool) -> None:
        self.clock = clock
        self.due = sorted(due)
        self.begun: list[tuple[str, float, float]] = []
        self.polls: list[tuple[str, float]] = []
        self.asked = 0
        if stretch:
            clock.on_idle = self.next_due

    def next_due(self) -> int | None:
        self.asked += 1
        return round(self.due[0] * SECOND) if self.due else None

    def disturb(self) -> None:
        for _ in range(12):
            gevent.sleep(777.7)

    def poll(self, name: str, interval: float) -> None:
        while True:
            now = self.clock.monotonic()
            self.polls.append((name, now))
            while self.due and self.due[0] <= now:
                self.begun.append((name, self.due.pop(0), now))
            self.clock.wait_idle(Event(), interval)


DUE = [0.5, 10, 10.1, 11.999, 333, 3600, 3600, 8_401.5]


def run(stretch: bool, pollers: dict[str, float], seconds: float = 10_000) -> Shop:
    with virtual_time() as clock:
        shop = Shop(clock, DUE, stretch)
        for number, (name, interval) in enumerate(pollers.items()):
            clock.node(name).spawn(shop.poll, name, interval)
            clock.advance(0.3 * (number % 2))
        clock.node('other').spawn(shop.disturb)
        clock.advance(seconds)
        clock.advance(7)  # the polls go on in step after the end of a horizon
        return shop


@pytest.mark.parametrize(
    'pollers',
    [{'a': 2.0}, {'a': 2.0, 'b': 2.0, 'c': 2.0}, {'a': 2.0, 'b': 3.0, 'c': 0.7}],
    ids=['one', 'three in step', 'three of their own'],
)
def test_stretching_changes_no_time_at_which_work_begins(pollers: dict[str, float]) -> None:
    """Found by the same node at the same time; the polls left out found nothing."""
    plain, stretched = run(False, pollers), run(True, pollers)
    assert stretched.begun == plain.begun
    assert len(stretched.begun) == len(DUE)
    assert set(stretched.polls) <= set(plain.polls)
    assert len(stretched.polls) < len(plain.polls) / 50
    assert stretched.asked <= 2 * len(stretched.polls)


def test_the_last_poll_before_the_horizon_is_held() -> None:
    """After advance() the next polls are where they would be without stretching."""
    with virtual_time() as clock:
        shop = Shop(clock, [], stretch=True)
        clock.node('a').spawn(shop.poll, 'a', 2.0)
        clock.advance(99)
        assert shop.polls == [('a', 0), ('a', 98)]
        shop.due = [101.0]
        clock.advance(10)
        assert shop.begun == [('a', 101.0, 102)]


def test_without_a_hook_every_poll_is_run() -> None:
    """Only the simulation knows what may be due."""
    with virtual_time() as clock:
        shop = Shop(clock, [], stretch=False)
        clock.node('a').spawn(shop.poll, 'a', 2.0)
        clock.advance(100)
        assert len(shop.polls) == 51


def test_an_event_ends_an_idle_wait_at_once() -> None:
    """And the value tells which it was, as of Event.wait."""
    with virtual_time() as clock:
        clock.on_idle = lambda: None
        event = Event()
        waiting = clock.node('a').spawn(clock.wait_idle, event, 2.0)
        gevent.sleep(1)
        event.set()
        assert waiting.get() is True
        assert clock.monotonic() == 1
        assert clock.node('b').spawn(clock.wait_idle, Event(), 2.0).get(timeout=3) is False
        assert clock.node('c').spawn(clock.wait_idle, Event(), 0).get() is False


def test_nothing_left_is_an_error_not_endless_polling() -> None:
    """Polls alone keep no world alive, once the hook says that nothing will be due."""
    with virtual_time() as clock:
        shop = Shop(clock, [5.0], stretch=True)
        clock.node('a').spawn(shop.poll, 'a', 2.0)
        with pytest.raises(VirtualDeadlock, match='Nothing is left to run'):
            clock.run_until(lambda: False)
        assert shop.begun == [('a', 5.0, 6)]
        with pytest.raises(VirtualDeadlock, match='the test waits'):
            Event().wait()


def test_an_idle_timer_is_no_next_timer() -> None:
    """next_timer_ns() is about what really may happen."""
    with virtual_time() as clock:
        clock.node('a').spawn(clock.wait_idle, Event(), 2.0)
        clock.settle()
        assert clock.next_timer_ns() is None
        assert clock.next_timer_ns(include_idle=True) == 2 * SECOND


def test_the_hook_is_not_asked_for_other_timers() -> None:
    """At most once a jump, and only where a poll is next."""
    asked: list[int] = []
    with virtual_time() as clock:
        clock.on_idle = lambda: asked.append(1)
        for _ in range(100):
            gevent.sleep(1)
        assert asked == []
        clock.node('a').spawn(clock.wait_idle, Event(), 1000.0)
        gevent.sleep(100)
        assert asked == []
        gevent.sleep(1000)
        assert len(asked) == 1


def test_a_stalled_poller_is_late_and_in_step_with_its_wake_up() -> None:
    """The end of a stall is an event of its own, which no stretch passes over."""
    with virtual_time() as clock:
        shop = Shop(clock, [50.0], stretch=True)
        node = clock.node('a')
        node.spawn(shop.poll, 'a', 2.0)
        clock.advance(1)
        node.stall(100)
        clock.advance(200)
        assert shop.begun == [('a', 50.0, 101)]


def test_wait_idle_is_for_the_own_node() -> None:
    """A timer on another node would wake nobody there."""
    with virtual_time() as clock, pytest.raises(VirtualTimeError, match='outside that node'):
        clock.wait_idle(Event(), 2.0, node=clock.node('a'))
