"""Nodes: processes that share the time and nothing else."""

import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult, Event
from gevent.lock import Semaphore
from gevent.pool import Pool
from gevent.queue import Empty, Queue

from wumai_testing.clock import VirtualTime, VirtualTimeError, virtual_time

Log = list[tuple[object, ...]]


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time() as clock:
        yield clock


def after(seconds: float, function: Callable[[], Any]) -> Any:
    gevent.sleep(seconds)
    return function()


def wait_sleep() -> None:
    gevent.sleep(10)


def wait_event() -> None:
    event = Event()
    gevent.spawn_later(10, event.set)
    event.wait()


def wait_event_timeout() -> None:
    assert not Event().wait(timeout=10)


def wait_semaphore() -> None:
    lock = Semaphore(0)
    gevent.spawn_later(10, lock.release)
    lock.acquire()


def wait_queue() -> None:
    channel: Queue[int] = Queue()
    gevent.spawn_later(10, channel.put, 1)
    channel.get()


def wait_queue_timeout() -> None:
    with pytest.raises(Empty):
        Queue().get(timeout=10)


def wait_timeout() -> None:
    with pytest.raises(gevent.Timeout), gevent.Timeout(10):
        gevent.sleep(10_000)


def wait_pool() -> None:
    pool = Pool(1)
    pool.spawn(gevent.sleep, 5)
    pool.spawn(gevent.sleep, 5)
    pool.join()


def wait_async_result() -> None:
    result: AsyncResult[int] = AsyncResult()
    gevent.spawn_later(10, result.set, 1)
    result.get()


WAITS = [
    wait_sleep,
    wait_event,
    wait_event_timeout,
    wait_semaphore,
    wait_queue,
    wait_queue_timeout,
    wait_timeout,
    wait_pool,
    wait_async_result,
]
each_wait = pytest.mark.parametrize('wait', WAITS, ids=lambda wait: wait.__name__)


def work(clock: VirtualTime, wait: Callable[[], None], log: Log) -> None:
    """Waits in one of the ways, and tells in every way how it ended."""
    log.append(('begins', clock.monotonic()))
    try:
        wait()
        log.append(('ends', clock.monotonic()))
    except BaseException as error:
        log.append(('except', error, clock.closed))
        raise
    finally:
        log.append(('finally', clock.monotonic(), clock.closed))


@each_wait
def test_a_node_waits_in_virtual_time(clock: VirtualTime, wait: Callable[[], None]) -> None:
    """Every wait ends after its 10 seconds."""
    log: Log = []
    clock.node('w1').spawn(work, clock, wait, log)
    clock.advance(60)
    assert log == [('begins', 0), ('ends', 10), ('finally', 10, False)]


@each_wait
def test_a_stalled_node_runs_nothing_and_is_late(
    clock: VirtualTime, wait: Callable[[], None]
) -> None:
    """As a process after SIGSTOP: what came due meanwhile runs when it wakes."""
    log: Log = []
    node = clock.node('w1')
    node.spawn(work, clock, wait, log)
    clock.advance(1)
    node.stall(100)
    clock.advance(99)
    assert log == [('begins', 0)]
    clock.advance(60)
    ends = 106 if wait is wait_pool else 101  # the second of the pool begins only then
    assert log == [('begins', 0), ('ends', ends), ('finally', ends, False)]


@each_wait
def test_a_crashed_node_runs_no_cleanup(wait: Callable[[], None]) -> None:
    """No `finally` and no `except`, until the end of the world, where `closed` tells."""
    log: Log = []
    with virtual_time() as clock:
        node = clock.node('w1')
        node.spawn(work, clock, wait, log)
        clock.advance(1)
        node.crash()
        clock.advance(1000)
        assert log == [('begins', 0)]
        assert not node.alive
    assert log[-1] == ('finally', 1001, True)
    assert all(closed for *_rest, closed in log[1:])


def test_a_stall_without_an_end_needs_resume(clock: VirtualTime) -> None:
    """And a node may be given work while it stands still."""
    log: Log = []
    node = clock.node('w1')
    node.stall()
    node.spawn(work, clock, wait_sleep, log)
    clock.advance(1000)
    assert log == []
    node.resume()
    clock.advance(1000)
    assert [entry[:2] for entry in log] == [('begins', 1000), ('ends', 1010), ('finally', 1010)]


def test_a_node_may_stall_and_crash_itself(clock: VirtualTime) -> None:
    """It stands still in the middle of its code, at that very line."""
    log: Log = []

    def worker() -> None:
        node = clock.nodes['w1']
        log.append(('before', clock.monotonic()))
        node.stall(50)
        log.append(('after', clock.monotonic()))
        gevent.sleep(1)
        try:
            node.crash()
            log.append(('never',))
        finally:
            log.append(('closed', clock.closed))

    clock.node('w1').spawn(worker)
    clock.advance(100)
    assert log == [('before', 0), ('after', 50)]


def test_a_node_that_stalls_itself_goes_on_after_resume(clock: VirtualTime) -> None:
    """Also when the stall had no end of its own, and also in a callback of the hub."""
    log: Log = []
    node = clock.node('w1')

    def stall(name: str) -> None:
        node.stall()
        log.append((name, clock.monotonic()))

    node.spawn(stall, 'greenlet')
    clock.advance(5)
    node.resume()
    clock.settle()
    node.loop.run_callback(stall, 'callback')
    clock.advance(5)
    node.resume()
    clock.settle()
    assert log == [('greenlet', 5), ('callback', 10)]


def test_a_greenlet_that_stalled_its_node_is_first_to_go_on(clock: VirtualTime) -> None:
    """It was running; what others had ready comes after it, as it would have."""
    log: list[str] = []
    node = clock.node('w1')

    def worker() -> None:
        gevent.spawn(log.append, 'other')
        node.stall(10)
        log.append('worker')

    node.spawn(worker)
    clock.advance(20)
    assert log == ['worker', 'other']


def test_others_go_on_while_one_is_away(clock: VirtualTime) -> None:
    """A stall and a crash concern one node alone."""
    log: Log = []

    def beat(name: str) -> None:
        while True:
            gevent.sleep(10)
            log.append((name, clock.monotonic()))

    for name in ('a', 'b', 'c'):
        clock.node(name).spawn(beat, name)
    clock.nodes['a'].stall(25)
    clock.nodes['b'].crash()
    clock.advance(40)
    assert log == [('c', 10), ('c', 20), ('c', 30), ('a', 35), ('c', 40)]


def test_a_name_may_start_again_after_a_crash(clock: VirtualTime) -> None:
    """A new process of the same name; while the old one lives it is an error."""
    first = clock.node('w1')
    with pytest.raises(VirtualTimeError, match='lives'):
        clock.node('w1')
    first.crash()
    second = clock.node('w1')
    assert clock.nodes == {'w1': second}
    assert (first.alive, second.alive) == (False, True)
    with pytest.raises(VirtualTimeError, match='has crashed'):
        first.spawn(wait_sleep)


def test_signals_reach_the_node_they_are_for(clock: VirtualTime) -> None:
    """gevent.signal_handler inside a node is virtual: the same signal may have many."""
    log: Log = []

    def serve(name: str) -> None:
        gevent.signal_handler(signal.SIGTERM, lambda: log.append((name, clock.monotonic())))
        gevent.sleep(1000)

    for name in ('a', 'b'):
        clock.node(name).spawn(serve, name)
    clock.advance(1)
    clock.nodes['b'].signal(signal.SIGTERM)
    clock.advance(1)
    assert log == [('b', 1)]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_signal_waits_for_the_end_of_a_stall(clock: VirtualTime) -> None:
    """As the kernel keeps it for a stopped process."""
    log: Log = []
    node = clock.node('a')

    def serve() -> None:
        gevent.signal_handler(signal.SIGTERM, lambda: log.append(('term', clock.monotonic())))
        gevent.sleep(1000)

    node.spawn(serve)
    clock.settle()
    node.stall(30)
    node.signal(signal.SIGTERM)
    clock.advance(60)
    assert log == [('term', 30)]


def test_signals_without_a_handler_do_what_the_kernel_does(clock: VirtualTime) -> None:
    """SIGTERM and SIGKILL end the process, SIGSTOP and SIGCONT stall it, SIGCHLD does nothing."""
    node = clock.node('a')
    node.signal(signal.SIGCHLD)
    node.signal(signal.SIGSTOP)
    assert (node.alive, node.stalled) == (True, True)
    node.signal(signal.SIGCONT)
    assert (node.alive, node.stalled) == (True, False)
    node.signal(signal.SIGTERM)
    assert not node.alive
    second = clock.node('b')
    second.signal(signal.SIGKILL)
    assert not second.alive


def test_the_test_may_wait_for_what_nodes_do(clock: VirtualTime) -> None:
    """join, get, joinall, an event that is shared: the test wakes on its own hub."""
    node = clock.node('w1')
    assert node.spawn(after, 5, lambda: 'value').get() == 'value'
    many = [node.spawn(gevent.sleep, seconds) for seconds in (3, 1, 2)]
    gevent.joinall(many, raise_error=True)
    assert [one.ready() for one in many] == [True] * 3
    at_once = [node.spawn(int) for _ in range(3)]
    assert len(gevent.joinall([*at_once, node.spawn(gevent.sleep, 1)])) == 4
    event = Event()
    node.spawn(after, 7, event.set)
    assert event.wait()
    together: list[Any] = [event, *(node.spawn(gevent.sleep, s) for s in (1, 1, 1, 2))]
    assert len(gevent.wait(together)) == 5
    late: list[Any] = [node.spawn(gevent.sleep, 5), Event()]
    assert len(gevent.wait(late, timeout=3)) == 0
    assert clock.monotonic() == 21
    assert clock.current_node is None
    node.crash()
    gevent.sleep(1)  # the test's own timers are on its own hub still
    assert clock.monotonic() == 22


def test_a_wake_up_from_another_node_waits_for_the_own_turn(clock: VirtualTime) -> None:
    """A greenlet goes on only while its own node runs, whoever sets the event."""
    log: Log = []
    event = Event()
    owner, waiter = clock.node('owner'), clock.node('waiter')

    def wait(name: str) -> None:
        event.wait()
        log.append((name, clock.monotonic(), clock.current_node and clock.current_node.name))

    owner.spawn(wait, 'owner')
    clock.settle()
    waiter.spawn(wait, 'waiter')
    clock.settle()
    waiter.stall(100)
    owner.spawn(event.set)
    clock.advance(500)
    assert log == [('owner', 0, 'owner'), ('waiter', 100, 'waiter')]


def test_a_queue_between_nodes_is_an_error_by_name(clock: VirtualTime) -> None:
    """gevent's queues belong to one hub; the error says what to do."""
    with clock.node('a').inside():
        channel: Queue[int] = Queue()
    clock.node('b').spawn(channel.get)
    clock.settle()
    channel.put(1)
    with pytest.raises(VirtualTimeError, match='share no gevent queues'):
        clock.settle()


def test_made_inside_belongs_to_the_node(clock: VirtualTime) -> None:
    """Node.inside() is for what the test builds on behalf of a node."""
    node = clock.node('a')
    with node.inside():
        channel: Queue[int] = Queue()
        assert clock.current_node is node
    got = node.spawn(channel.get)
    node.spawn(channel.put, 5)
    assert got.get() == 5


def test_sys_exit_ends_a_greenlet_not_the_test(clock: VirtualTime) -> None:
    """A simulated process may exit."""

    def leave() -> None:
        raise SystemExit(3)

    leaving = clock.node('a').spawn(leave)
    clock.advance(1)
    assert isinstance(leaving.exception, SystemExit)


def test_an_outcome_of_pytest_reaches_the_test(clock: VirtualTime) -> None:
    """pytest.fail() in a node's code, or a time limit that strikes there, fails the test."""
    clock.node('a').spawn(pytest.fail, 'in the handler')
    with pytest.raises(pytest.fail.Exception, match='in the handler'):
        clock.advance(1)


def test_an_error_in_a_greenlet_stays_there(
    clock: VirtualTime, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in gevent: printed, and raised where the value is asked for."""

    def fail() -> None:
        raise LookupError('in the handler')

    failing = clock.node('a').spawn(fail)
    clock.advance(1)
    with pytest.raises(LookupError):
        failing.get()
    assert 'LookupError: in the handler' in capsys.readouterr().err


def hold(clock: VirtualTime, lock: Semaphore, seconds: float, log: Log) -> None:
    node = clock.current_node
    with lock:
        log.append((node and node.name, clock.monotonic()))
        gevent.sleep(seconds)


def test_a_lock_that_nodes_share_is_held_by_one_at_a_time(clock: VirtualTime) -> None:
    """As one at module level is; a stalled node gets its turn when it wakes."""
    log: Log = []
    lock = Semaphore(1)
    for name in ('a', 'b', 'c', 'd'):
        clock.node(name).spawn(hold, clock, lock, 10, log)
    clock.advance(5)
    clock.nodes['b'].stall(100)
    clock.advance(200)
    assert log == [('a', 0), ('c', 10), ('d', 20), ('b', 105)]


def test_a_crash_takes_no_shared_lock_along_that_it_did_not_hold(clock: VirtualTime) -> None:
    """Though gevent may notify through the hub of the node that crashed."""
    log: Log = []
    for owner in ('test', 'node'):
        lock = Semaphore(1)
        first = clock.node('first')
        with first.inside() if owner == 'node' else nullcontext():
            lock.acquire()
        first.spawn(hold, clock, lock, 10, log)
        clock.settle()
        clock.node(f'{owner} owns').spawn(hold, clock, lock, 10, log)
        clock.settle()
        first.crash()
        lock.release()
        clock.advance(100)
    assert log == [('test owns', 0), ('node owns', 100)]
