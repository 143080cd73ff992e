"""Virtual time as a test sees it: waiting takes none of the real one."""

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from time import monotonic as bound_monotonic
from time import perf_counter as bound_perf_counter
from time import sleep as bound_sleep
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore, Semaphore
from gevent.pool import Pool
from gevent.queue import Empty, Queue

from wumai_testing.clock import (
    VirtualDeadlock,
    VirtualTime,
    VirtualTimeError,
    VirtualTimeout,
    virtual_time,
)

SECOND = 1_000_000_000
MODULE_LOCK = Semaphore(1)
MODULE_EVENT = Event()


def after(seconds: float, value: float) -> float:
    gevent.sleep(seconds)
    return value


def ticks(count: int) -> None:
    for _ in range(count):
        gevent.sleep(2)


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time() as clock:
        yield clock


def test_it_starts_at_zero_and_stands_still(clock: VirtualTime) -> None:
    """Running code takes no time."""
    sum(range(100_000))
    assert clock.now_ns == 0
    assert clock.monotonic() == 0.0
    assert clock.now() == datetime(2026, 1, 1)
    assert clock.current_node is None


def test_the_start_is_taken_as_utc() -> None:
    """A start with a zone is moved to naive UTC."""
    with virtual_time(start=datetime(2030, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))) as clock:
        assert clock.now() == datetime(2030, 5, 1, 12)


def test_every_kind_of_sleep_is_virtual(clock: VirtualTime) -> None:
    """gevent.sleep, time.sleep, and a sleep that a module bound at its import."""
    before = bound_perf_counter()
    gevent.sleep(1000)
    time.sleep(1000)
    bound_sleep(1000.5)
    assert clock.now_ns == 3_000_500_000_000
    assert bound_perf_counter() - before < 1


def test_a_negative_sleep_is_the_usual_error(clock: VirtualTime) -> None:
    """time.sleep keeps its contract."""
    with pytest.raises(ValueError, match='non-negative'):
        time.sleep(-1)
    assert clock.now_ns == 0


def test_the_time_functions_follow(clock: VirtualTime) -> None:
    """Wall time and monotonic time are the timeline's, to the microsecond and beyond."""
    gevent.sleep(12.345678)
    assert datetime.now() == clock.now() == datetime(2026, 1, 1, 0, 0, 12, 345678)
    assert datetime.now(UTC) == clock.now().replace(tzinfo=UTC)
    assert datetime.utcnow() == clock.now()
    assert time.time_ns() == 1_767_225_612_345_678_000
    assert time.time() == 1_767_225_612.345678
    assert time.monotonic() == bound_monotonic() == clock.monotonic() == 12.345678
    assert time.monotonic_ns() == clock.now_ns
    assert time.gmtime()[:6] == (2026, 1, 1, 0, 0, 12)


@pytest.mark.usefixtures('clock')
def test_modules_that_freezegun_ignores_follow_too() -> None:
    """`queue` and `threading` are on freezegun's default ignore list."""
    gevent.sleep(5)
    assert queue.time() == 5.0  # type: ignore[attr-defined]


@pytest.mark.usefixtures('clock')
def test_perf_counter_stays_real() -> None:
    """Also where a module bound it."""
    before, bound_before = time.perf_counter(), bound_perf_counter()
    gevent.sleep(1_000_000)
    assert 0 < time.perf_counter() - before < 60
    assert 0 < bound_perf_counter() - bound_before < 60
    assert time.perf_counter is bound_perf_counter


def test_timeouts_of_all_primitives_are_virtual(clock: VirtualTime) -> None:
    """Event, Semaphore, Queue, AsyncResult, Timeout: each waits for exactly its time."""
    assert not Event().wait(timeout=100)
    assert not Semaphore(0).acquire(timeout=100)
    with pytest.raises(Empty):
        Queue().get(timeout=100)
    with pytest.raises(gevent.Timeout):
        AsyncResult().get(timeout=100)
    with pytest.raises(gevent.Timeout), gevent.Timeout(100):
        gevent.sleep(1_000_000)
    assert clock.now_ns == 500 * SECOND


def test_greenlets_of_the_test_run_while_it_waits(clock: VirtualTime) -> None:
    """join, get, Pool and Queue advance the time to where they are done."""
    pool = Pool(2)
    assert pool.map(lambda n: after(n, n), [3, 1, 2]) == [3, 1, 2]
    assert clock.monotonic() == 3
    assert gevent.spawn_later(5, lambda: 'value').get() == 'value'
    assert clock.monotonic() == 8
    channel: Queue[int] = Queue()
    gevent.spawn_later(4, channel.put, 7)
    assert channel.get() == 7
    lock = BoundedSemaphore(1)
    lock.acquire()
    gevent.spawn_later(3, lock.release)
    assert lock.acquire(timeout=10)
    assert clock.monotonic() == 15


def test_objects_made_outside_wait_inside(clock: VirtualTime) -> None:
    """A lock or event at module level belongs to the real hub, and works all the same."""
    MODULE_LOCK.acquire()
    gevent.spawn_later(5, MODULE_LOCK.release)
    assert MODULE_LOCK.acquire(timeout=100)
    MODULE_LOCK.release()
    MODULE_EVENT.clear()
    gevent.spawn_later(5, MODULE_EVENT.set)
    assert MODULE_EVENT.wait(100)
    assert clock.monotonic() == 10


@pytest.fixture(autouse=True, scope='module')
def _real_hub_owns_them() -> None:
    """Uses the module's lock and event on the real hub first, so that it captures them."""
    waiting = gevent.spawn(MODULE_LOCK.acquire)
    waiting.join()
    gevent.spawn(MODULE_LOCK.acquire)
    gevent.spawn(MODULE_EVENT.wait)
    gevent.sleep(0)
    MODULE_LOCK.release()
    MODULE_EVENT.set()
    gevent.sleep(0.001)
    MODULE_LOCK.release()


def test_advance_includes_its_last_instant(clock: VirtualTime) -> None:
    """What is due at the end runs, with what that makes ready, and nothing after it."""
    log: list[tuple[str, float]] = []

    def note(name: str) -> None:
        log.append((name, clock.monotonic()))

    def chain() -> None:
        gevent.sleep(600)
        note('sleeper')
        gevent.spawn(note, 'spawned at the end').join()
        gevent.sleep(0)
        note('after a yield')
        gevent.sleep(1e-9)
        note('too late')

    gevent.spawn(chain)
    gevent.spawn_later(600.000000001, note, 'too late')
    clock.advance(600)
    assert log == [('sleeper', 600), ('spawned at the end', 600), ('after a yield', 600)]
    assert clock.now_ns == 600 * SECOND
    clock.advance(1e-9)
    assert [name for name, _when in log[3:]] == ['too late', 'too late']


def test_advance_goes_on_where_nothing_runs(clock: VirtualTime) -> None:
    """Time passes in an empty world too, exactly."""
    for _ in range(10):
        clock.advance(0.1)
    assert clock.now_ns == SECOND


def test_time_does_not_go_back_nor_beyond_all_dates(clock: VirtualTime) -> None:
    """Both are refused by name."""
    with pytest.raises(ValueError, match='-1 is no duration'):
        clock.advance(-1)
    with pytest.raises(VirtualTimeError, match='year 9999'):
        clock.advance(1e12)


def test_durations_may_be_text(clock: VirtualTime) -> None:
    """As in the rest of wumai_testing."""
    clock.advance('1h30m')
    assert clock.monotonic() == 5400
    with pytest.raises(ValueError, match=r"'10 minutes' is no duration.*such as '10m'"):
        clock.advance('10 minutes')
    gevent.spawn(gevent.sleep, 3600)
    with pytest.raises(VirtualTimeout, match='after 1m of virtual time'):
        clock.run_until(lambda: False, within='1m')


def test_a_timer_beyond_all_dates_never_fires(clock: VirtualTime) -> None:
    """threading.TIMEOUT_MAX and infinity are used as `for ever`."""
    gevent.spawn(gevent.sleep, float('inf'))
    gevent.spawn(gevent.sleep, 10**15)
    clock.settle()
    assert clock.next_timer_ns() is None


def test_run_until_stops_where_the_condition_holds(clock: VirtualTime) -> None:
    """Not an event later."""
    log: list[float] = []

    def tick() -> None:
        while True:
            gevent.sleep(2)
            log.append(clock.monotonic())

    gevent.spawn(tick)
    clock.run_until(lambda: len(log) == 3, within=100)
    assert clock.monotonic() == 6


def test_run_until_that_fails_says_how_far_it_went(clock: VirtualTime) -> None:
    """`within` ends it, at that instant; nothing left ends it at once."""
    ticking = gevent.spawn(ticks, 100)
    with pytest.raises(VirtualTimeout, match=r'not true after 51s of virtual time, at 51s'):
        clock.run_until(lambda: False, within=51)
    assert clock.monotonic() == 51
    with pytest.raises(VirtualDeadlock, match='Nothing is left to run'):
        clock.run_until(lambda: False, within=1000)
    assert ticking.ready()
    assert clock.monotonic() == 200


def test_settle_moves_no_time(clock: VirtualTime) -> None:
    """It runs what is ready and what that makes ready."""
    log: list[str] = []
    gevent.spawn(lambda: gevent.spawn(log.append, 'child'))
    gevent.spawn_later(1, log.append, 'later')
    clock.settle()
    assert log == ['child']
    assert clock.now_ns == 0


def test_next_timer(clock: VirtualTime) -> None:
    """The earliest armed timer of any node that lives."""
    assert clock.next_timer_ns() is None
    gevent.spawn(gevent.sleep, 30)
    first, second = clock.node('a'), clock.node('b')
    first.spawn(gevent.sleep, 10)
    second.spawn(gevent.sleep, 20)
    clock.settle()
    assert clock.next_timer_ns() == 10 * SECOND
    first.crash()
    assert clock.next_timer_ns() == 20 * SECOND
    second.stall()
    assert clock.next_timer_ns() == 30 * SECOND


def test_only_the_test_moves_time(clock: VirtualTime) -> None:
    """A greenlet that calls advance() gets an error that says what to do instead."""
    running = clock.node('w1').spawn(clock.advance, 1)
    clock.settle()
    assert 'wait with gevent.sleep()' in str(running.exception)


def test_gevent_idle_and_repeating_timers(clock: VirtualTime) -> None:
    """The less usual parts of gevent's loop are there."""
    log: list[object] = []
    loop: Any = gevent.get_hub().loop
    timer = loop.timer(5, 2)
    timer.start(lambda: log.append(clock.monotonic()))

    def idler() -> None:
        gevent.idle()
        log.append('idle')

    gevent.spawn(idler)
    clock.advance(10)
    timer.stop()
    clock.advance(10)
    assert log == ['idle', 5, 7, 9]
    assert not timer.active


def test_ten_thousand_jumps_are_cheap(clock: VirtualTime) -> None:
    """Each some 20 microseconds; the bound leaves room for a busy machine."""
    before = bound_perf_counter()
    for _ in range(10_000):
        gevent.sleep(2)
    assert clock.now() == datetime(2026, 1, 1) + timedelta(seconds=20_000)
    assert bound_perf_counter() - before < 2
