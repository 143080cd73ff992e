"""Time that stands still never hangs a test: each way to is an error that says what to do."""

import asyncio
import concurrent.futures
import itertools
import logging
import multiprocessing
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import gevent
import gevent.socket
import gevent.subprocess
import gevent.threadpool
import pymysql
import pytest
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.queue import Queue
from sqlalchemy import make_url

from wumai_testing.clock import (
    RealWorkRefused,
    VirtualDeadlock,
    VirtualLivelock,
    VirtualStuck,
    VirtualTimeError,
    virtual_time,
)
from wumai_testing.virtual import patches
from wumai_testing.virtual.patches import threads_allowed

HERE = re.escape('test_clock_guards.py')


@pytest.mark.parametrize(
    ('wait', 'what'),
    [
        (lambda: Event().wait(), r'Event'),
        (lambda: Semaphore(0).acquire(), r'Semaphore'),
        (lambda: Queue().get(), r'Queue'),
        (lambda: gevent.spawn(Event().wait).join(), r'Greenlet'),
        (lambda: gevent.joinall([gevent.spawn(Event().wait)]), r'Greenlet'),
    ],
    ids=['event', 'semaphore', 'queue', 'join', 'joinall'],
)
def test_a_wait_that_nothing_can_end_is_named(wait: object, what: str) -> None:
    """Who waits, for what object, at which line."""
    assert callable(wait)
    with virtual_time(), pytest.raises(VirtualDeadlock) as caught:
        wait()
    assert re.search(rf'while the test waits for <.*{what}.* at .*{HERE}:\d+ in', str(caught.value))


def test_a_deadlock_tells_of_all_who_wait() -> None:
    """Other greenlets by their label or function, and nodes that are away."""
    with virtual_time() as clock:

        def handler() -> None:
            Event().wait()

        clock.node('w1').spawn(handler).label = 'CreateInstance'  # type: ignore[attr-defined]
        clock.node('w2').spawn(gevent.sleep, 5)
        clock.settle()
        clock.nodes['w2'].stall()
        with pytest.raises(VirtualDeadlock) as caught:
            clock.run_until(lambda: False)
    told = str(caught.value)
    assert re.search(
        rf'CreateInstance of node w1 waits for <.*Event.*{HERE}:\d+ in .*handler', told
    )
    assert '<Node w2 stalled>' in told


def test_the_world_goes_on_after_a_deadlock() -> None:
    """A test may expect the error and do something about it."""
    with virtual_time() as clock:
        event = Event()
        with pytest.raises(VirtualDeadlock):
            event.wait()
        gevent.spawn_later(5, event.set)
        assert event.wait()
        assert clock.monotonic() == 5


def test_a_livelock_names_the_greenlet_and_its_line() -> None:
    """A loop of sleep(0) never lets time move."""

    def spin() -> None:
        while True:
            gevent.sleep(0)

    with virtual_time(callbacks_max=1000) as clock:
        clock.node('w1').spawn(spin).label = 'Spin'  # type: ignore[attr-defined]
        with pytest.raises(
            VirtualLivelock, match=rf'1000 callbacks.*Spin, at .*{HERE}:\d+ in .*spin'
        ):
            clock.advance(1)
        clock.nodes['w1'].crash()
        clock.advance(1)
        assert clock.monotonic() == 1


def test_many_callbacks_are_no_livelock_while_time_moves() -> None:
    """The count is of one instant."""
    with virtual_time(callbacks_max=100) as clock:
        for _ in range(200):
            gevent.sleep(0.001)
        assert clock.now_ns == 200_000_000


def loop_for_ever() -> None:
    while True:
        pass


def swallow_exceptions() -> None:
    while True:
        try:
            loop_for_ever()
        except Exception:
            continue


def swallow_everything() -> None:
    while True:
        try:
            loop_for_ever()
        except BaseException:
            continue


def swallow_once() -> None:
    try:
        loop_for_ever()
    except BaseException:
        gevent.sleep(1)


@pytest.mark.parametrize('handler', [loop_for_ever, swallow_exceptions, swallow_once])
def test_code_that_does_not_yield_is_stopped(handler: Callable[[], None]) -> None:
    """Whatever it catches, and past an executor that catches everything too."""
    stop(handler)


def test_code_that_swallows_everything_is_left_where_it_is() -> None:
    """In a process of its own: on Python 3.11 such a process dies of its next RecursionError."""
    process = multiprocessing.get_context('spawn').Process(target=stop, args=(swallow_everything,))
    process.start()
    process.join()
    assert process.exitcode == 0


def stop(handler: Callable[[], None]) -> None:
    """Run what does not yield, and see that it is stopped and named."""
    ended: list[object] = []

    def executor() -> None:
        try:
            handler()
        except BaseException as error:
            ended.append(error)

    with virtual_time(stuck_after=0.1) as clock:
        node = clock.node('w1')
        node.spawn(executor).label = 'job-1 CreateInstance'  # type: ignore[attr-defined]
        before = time.perf_counter()
        with pytest.raises(VirtualStuck) as caught:
            clock.advance(0)
        assert 0.1 <= time.perf_counter() - before < 5
        told = str(caught.value)
        assert re.search(rf'Node w1 ran for more than 0.1 s .*{HERE}:\d+ in loop_for_ever', told)
        assert told.startswith('job-1 CreateInstance: ')
        assert all(isinstance(error, VirtualStuck) for error in ended)
        clock.advance(1)  # the node and the world go on
        assert node.spawn(lambda: 7).get() == 7


def test_a_stuck_node_is_told_of_wherever_the_test_waits() -> None:
    """Out of run_until, and out of a plain gevent wait."""
    with virtual_time(stuck_after=0.1) as clock:
        clock.node('a').spawn(loop_for_ever)
        with pytest.raises(VirtualStuck):
            clock.run_until(lambda: False)
        clock.node('b').spawn(loop_for_ever)
        with pytest.raises(VirtualStuck):
            gevent.sleep(10)


def test_a_long_pause_of_the_test_itself_is_no_turn() -> None:
    """Only code of nodes is on a budget: the test may stand in a debugger for hours."""
    with virtual_time(stuck_after=0.05) as clock:
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            pass
        gevent.sleep(1)
        clock.node('a').spawn(gevent.sleep, 1)
        clock.advance(2)


def poll(now: Callable[[], float]) -> None:
    end = now() + 1
    while now() < end:
        pass


def poll_time() -> None:
    poll(time.time)


def poll_date() -> None:
    end = datetime.now() + timedelta(seconds=1)
    while datetime.now() < end:
        pass


@pytest.mark.parametrize('wait', [poll_time, poll_date])
def test_a_test_that_polls_the_clock_is_stopped(wait: Callable[[], None]) -> None:
    """With the line and what to do; the world goes on."""
    with virtual_time(stuck_after=0.1) as clock:
        with pytest.raises(VirtualStuck) as caught:
            wait()
        told = str(caught.value)
        assert re.search(
            rf'test has read the clock [\d,]+ times in 0.1 s.*{HERE}:\d+ in poll', told
        )
        assert 'advance()' in told
        assert time.time() == clock.now().replace(tzinfo=UTC).timestamp()
        with pytest.raises(VirtualStuck):
            wait()
        clock.advance(1)


def test_a_poll_of_the_clock_itself_is_stopped() -> None:
    """Also past the time functions."""
    with virtual_time(stuck_after=0.1) as clock, pytest.raises(VirtualStuck, match='the clock'):
        poll(clock.monotonic)


def read_clock_for(seconds: float, read: Callable[[], object]) -> None:
    """Real seconds."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        read()


def test_libraries_may_read_the_clock() -> None:
    """Such as the time of each line of a log."""
    with virtual_time(stuck_after=0.1):
        read_clock_for(0.4, lambda: logging.LogRecord('', 0, '', 0, '', (), None))


def test_a_test_that_makes_progress_may_read_the_clock() -> None:
    """Time moves, or what is told to be progress does."""
    with virtual_time(stuck_after=0.1) as clock:
        read_clock_for(0.4, lambda: (time.time(), gevent.sleep(0.001)))
        numbers = itertools.count()
        clock.on_progress(lambda: next(numbers))
        read_clock_for(0.4, time.time)


def test_few_readings_are_no_poll() -> None:
    """A computation that takes its times is none."""
    with virtual_time(stuck_after=0.05):
        read_clock_for(0.3, lambda: (time.time(), sum(range(100_000))))


@pytest.mark.parametrize('seconds', [0.01, 3600])
def test_a_wait_of_asyncio_is_refused(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that awaits it, and what to do."""
    monkeypatch.setattr(patches, 'ASYNCIO_PATIENCE', 0.05)

    async def wait() -> None:
        await asyncio.sleep(seconds)

    refused = pytest.raises(
        RealWorkRefused, match=rf'asyncio waits.*{HERE}:\d+ in .*wait .*advance'
    )
    with virtual_time(), asyncio.Runner() as runner, refused:
        runner.run(wait())


def test_a_wait_of_asyncio_without_a_line_of_its_own_is_refused_where_it_is_run() -> None:
    """`asyncio.sleep` itself is no line of the user's."""
    with virtual_time(), pytest.raises(RealWorkRefused, match=rf'{HERE}:\d+ in test_a_wait_of'):
        asyncio.run(asyncio.sleep(0.01))


def test_asyncio_may_wait_for_what_comes() -> None:
    """Its timers are refused where they are waited for, not where they are set."""

    async def work() -> str:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        threading.Timer(0.05, theirs.sendall, [b'x']).start()
        async with asyncio.timeout(60):
            got = await reader.read(1)
        writer.close()
        theirs.close()
        return got.decode()

    with virtual_time(), threads_allowed():
        assert asyncio.run(work()) == 'x'


def test_many_short_turns_are_never_stuck() -> None:
    """The budget is of one turn, however long the test takes."""
    with virtual_time(stuck_after=0.5) as clock:

        def busy() -> None:
            while True:
                end = time.perf_counter() + 0.001
                while time.perf_counter() < end:
                    pass
                gevent.sleep(1)

        clock.node('a').spawn(busy)
        clock.advance(600)


def test_a_debugger_is_left_alone() -> None:
    """A turn in which somebody stands at a prompt is not stuck."""
    scope: dict[str, object] = {'__name__': 'pdb', 'clock': time.perf_counter}
    exec('def prompt():\n    end = clock() + 1\n    while clock() < end: pass', scope)
    with virtual_time(stuck_after=0.5) as clock:  # a busy machine may take long to get there
        clock.node('a').spawn(scope['prompt'])  # type: ignore[arg-type]
        clock.advance(1)


def test_the_budget_can_be_off() -> None:
    """`stuck_after=None` for code that really computes."""
    with virtual_time(stuck_after=None) as clock:

        def busy() -> None:
            end = time.perf_counter() + 0.2
            while time.perf_counter() < end:
                pass

        clock.node('a').spawn(busy)
        clock.advance(1)


def test_describe_current_says_who_runs_where() -> None:
    """By the label that the simulation gave, the node and the line."""
    told: list[str] = []
    with virtual_time() as clock:

        def handler() -> None:
            told.append(clock.describe_current())

        clock.node('w1').spawn(handler).label = 'job-1'  # type: ignore[attr-defined]
        clock.settle()
        assert re.match(rf'job-1 of w1 at .*{HERE}:\d+ in .*handler', told[0])


def test_a_native_thread_is_refused_by_name() -> None:
    """With what was tried, where, and the option that cures it; outside it works."""
    thread = threading.Thread(target=int, name='uploader')
    with virtual_time(), pytest.raises(RealWorkRefused) as caught:
        thread.start()
    assert re.search(
        rf"native thread 'uploader', at .*{HERE}:\d+ in test_a_native", str(caught.value)
    )
    assert 'wumai_patch = true' in str(caught.value)
    thread.start()
    thread.join()


def test_thread_pools_and_look_ups_are_refused() -> None:
    """concurrent.futures, gevent's pools, DNS: each is a native thread."""
    pool = gevent.threadpool.ThreadPool(1)
    with virtual_time():
        executor = concurrent.futures.ThreadPoolExecutor()
        with pytest.raises(RealWorkRefused, match='native thread'):
            executor.submit(int)
        with pytest.raises(RealWorkRefused, match='thread pool'):
            gevent.get_hub().threadpool.spawn(int)
        with pytest.raises(RealWorkRefused, match='pool'):
            pool.spawn(int)
        with pytest.raises(RealWorkRefused, match=r"host 'example.invalid'"):
            gevent.socket.getaddrinfo('example.invalid', 80)


def test_the_machinery_may_start_threads() -> None:
    """The documented escape; such a thread sees the real time and sleeps in it."""
    seen: list[float] = []
    with virtual_time() as clock:

        def look() -> None:
            time.sleep(0.001)
            seen.append(time.time() - clock.now().timestamp())

        thread = threading.Thread(target=look)
        with threads_allowed():
            thread.start()
        thread.join()
        assert clock.now_ns == 0
    assert seen
    assert abs(seen[0]) > 3600


def test_a_thread_from_outside_is_not_disturbed() -> None:
    """Its waits, its clock and the threads that it starts are real."""
    go, done = threading.Event(), threading.Event()
    seen: list[object] = []

    def outside() -> None:
        go.wait(10)
        before = time.monotonic()
        time.sleep(0.02)
        child = threading.Thread(target=seen.append, args=('child',))
        child.start()
        child.join()
        seen.append(0.02 <= time.monotonic() - before < 5)
        done.set()

    thread = threading.Thread(target=outside)
    thread.start()
    with virtual_time() as clock:
        gevent.sleep(1_000_000)
        go.set()
        thread.join()
        assert clock.monotonic() == 1_000_000
    assert seen == ['child', True]


def test_a_real_socket_that_has_to_wait_is_refused() -> None:
    """A gevent socket would hang for ever: nothing real happens while time stands still."""
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs, virtual_time():
        ours, theirs = gevent.socket.socketpair()
        with ours, theirs:
            ours.sendall(b'what needs no wait takes no time')
            assert theirs.recv(4) == b'what'
            theirs.recv(100)
            with pytest.raises(RealWorkRefused, match=rf'read from file desc.*{HERE}:\d+'):
                theirs.recv(1)


def connect(module: ModuleType, method: str, port: int) -> None:
    with module.socket() as one:
        getattr(one, method)(('127.0.0.1', port))


@pytest.mark.parametrize(
    ('reach', 'what'),
    [
        (lambda port: socket.create_connection(('127.0.0.1', port)), "the host '127.0.0.1'"),
        (lambda port: connect(socket, 'connect', port), r"to \('127.0.0.1', \d+\)"),
        (lambda port: connect(socket, 'connect_ex', port), 'connect a real socket'),
        (lambda port: urllib.request.urlopen(f'http://localhost:{port}'), "the host 'localhost'"),
        (lambda port: gevent.socket.create_connection(('127.0.0.1', port)), "host '127.0.0.1'"),
        (lambda port: connect(gevent.socket, 'connect', port), 'file descriptor'),
    ],
    ids=['create_connection', 'connect', 'connect_ex', 'urlopen', 'gevent', 'gevent socket'],
)
def test_a_real_peer_is_refused(reach: Callable[[int], object], what: str) -> None:
    """Before anything is sent; with who was to be reached, where, and what to do instead."""
    refused = pytest.raises(RealWorkRefused, match=rf'{what}.*at .*{HERE}:\d+.*wumai_sim.http')
    with socket.create_server(('127.0.0.1', 0)) as peer, virtual_time(), refused:
        reach(peer.getsockname()[1])
    with socket.create_server(('127.0.0.1', 0)) as peer:  # outside it works again
        socket.create_connection(peer.getsockname()).close()
    assert 'connect' not in vars(socket.socket)


def test_a_socket_that_is_open_takes_no_virtual_time() -> None:
    """gevent does not know of it."""
    with virtual_time() as clock:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(b'x')
            assert theirs.recv(1) == b'x'
        assert clock.now_ns == 0


def test_the_driver_of_a_database_may_use_real_sockets(mysql_url: str) -> None:
    """A statement takes no virtual time."""
    url = make_url(mysql_url)
    assert url.host
    with virtual_time() as clock:
        with pymysql.connect(host=url.host, port=url.port or 0, user=url.username) as connection:
            cursor = connection.cursor()
            cursor.execute('SELECT SLEEP(0.01)')
        assert clock.now_ns == 0


def test_waits_of_the_standard_library_are_virtual() -> None:
    """In an unpatched process too: production patches, so a handler may use them."""
    with virtual_time() as clock:
        event, channel = threading.Event(), queue.Queue[str]()
        assert not event.wait(500)
        with pytest.raises(queue.Empty):
            channel.get(timeout=50)
        assert clock.monotonic() == 550
        gevent.spawn_later(5, event.set)
        clock.node('w1').spawn(lambda: gevent.sleep(7) or channel.put('x'))
        assert event.wait()
        assert channel.get() == 'x'
        assert clock.monotonic() == 557
        with pytest.raises(VirtualDeadlock, match=rf'{HERE}:\d+ in test_waits'):
            threading.Event().wait()


def test_child_processes_and_file_watches_are_refused() -> None:
    """Through gevent; an unpatched subprocess is just slow."""
    with virtual_time():
        with pytest.raises(RealWorkRefused, match='child process'):
            gevent.subprocess.Popen([sys.executable, '-c', ''])
        with pytest.raises(RealWorkRefused, match='for changes'):
            gevent.get_hub().loop.stat('/tmp')


def test_a_callback_that_waits_gets_gevents_error() -> None:
    """Blocking in the hub is as wrong as in real time."""
    seen: list[BaseException] = []
    with virtual_time() as clock:

        def callback() -> None:
            try:
                gevent.sleep(1)
            except BaseException as error:
                seen.append(error)

        gevent.get_hub().loop.run_callback(callback)
        clock.settle()
    assert 'Impossible to call blocking function' in str(seen[0])


def test_waiting_for_everything_is_refused() -> None:
    """gevent.wait() without objects would wait for the end of a loop that has none."""
    with virtual_time(), pytest.raises(VirtualTimeError, match='without objects'):
        gevent.wait()


PATCHED = """
from gevent import monkey
monkey.patch_all()
import logging, queue, threading, time
from time import sleep
from wumai_testing.clock import virtual_time
module_lock = threading.Lock()
with virtual_time() as clock:
    log = []
    def work(name):
        with module_lock:
            time.sleep(10)
            logging.getLogger().debug(name)
        log.append((name, clock.monotonic(), time.monotonic()))
    threads = [threading.Thread(target=work, args=(name,)) for name in 'ab']
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    clock.node('c').spawn(work, 'c').join()
    with_timeout = threading.Event().wait(5)
    channel = queue.Queue()
    threading.Timer(3, channel.put, ['x']).start()
    got = channel.get(timeout=30)
    sleep(1)
    print(log, with_timeout, got, clock.monotonic())
sleep(0.001)
"""


def test_in_a_patched_process_threads_are_greenlets() -> None:
    """What `wumai_patch = true` is for: threads, their locks, queues and timers are virtual."""
    done = subprocess.run(
        [sys.executable, '-c', PATCHED],
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ''
    log = "[('a', 10.0, 10.0), ('b', 20.0, 20.0), ('c', 30.0, 30.0)]"
    assert done.stdout.strip() == f'{log} False x 39.0'
