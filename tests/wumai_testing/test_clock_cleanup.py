"""A world leaves nothing behind: functions, hubs, greenlets, timers."""

import datetime as datetime_module
import gc
import importlib
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import sleep as bound_sleep

import freezegun
import gevent
import pytest
from freezegun import api as freezegun_api
from gevent.event import Event
from gevent.hub import Hub
from gevent.lock import Semaphore
from gevent.pool import Pool
from greenlet import greenlet

from wumai_testing.clock import VirtualTime, VirtualTimeError, virtual_time
from wumai_testing.virtual.hub import NodeHub
from wumai_testing.virtual.watchers import Callback, Watcher

Names = [
    (time, 'time'),
    (time, 'time_ns'),
    (time, 'monotonic'),
    (time, 'monotonic_ns'),
    (time, 'perf_counter'),
    (time, 'sleep'),
    (time, 'gmtime'),
    (datetime_module, 'datetime'),
    (datetime_module, 'date'),
    (threading.Thread, 'start'),
    (os, 'urandom'),
    (random, '_urandom'),
    (random.Random, 'seed'),
    (random, 'seed'),
    (freezegun_api, 'fake_time'),
    (freezegun_api, 'fake_perf_counter'),
    (freezegun_api, '_get_cached_module_attributes'),
    (sys.modules[__name__], 'bound_sleep'),
]


def state() -> list[object]:
    hub = gevent.get_hub()
    return [
        *(getattr(owner, name) for owner, name in Names),
        random.getstate(),
        hub,
        hub.loop,
        type(hub),
        list(freezegun.config.settings.default_ignore_list),
        list(freezegun_api.freeze_factories),
        list(freezegun_api.ignore_lists),
    ]


def leave() -> None:
    """Ends without an error."""


def fail() -> None:
    raise LookupError('the test failed')


def interrupt() -> None:
    raise KeyboardInterrupt


def time_out() -> None:
    with gevent.Timeout(5):
        Event().wait()


def fail_in_a_callback() -> None:
    gevent.get_hub().loop.run_callback(interrupt)
    gevent.sleep(1)


@pytest.mark.parametrize('ending', [leave, fail, interrupt, time_out, fail_in_a_callback])
def test_everything_is_put_back(
    ending: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """However the block ends; and the real loop works as before."""
    gevent.sleep(0)
    before = state()
    try:
        with virtual_time() as clock:
            assert state() != before
            clock.node('w1').spawn(gevent.sleep, 100)
            gevent.sleep(1)
            ending()
    except (LookupError, KeyboardInterrupt, gevent.Timeout):
        pass
    assert state() == before
    started = time.perf_counter()
    gevent.sleep(0.01)
    bound_sleep(0.01)
    assert gevent.spawn(lambda: 7).get(timeout=1) == 7
    assert 0.02 <= time.perf_counter() - started < 5
    capsys.readouterr()


def test_an_error_while_opening_puts_everything_back() -> None:
    """A bad start is found after some patches are in."""
    before = state()
    with pytest.raises(AttributeError), virtual_time(start='tomorrow'):  # type: ignore[arg-type]
        pass
    assert state() == before


def test_it_cannot_be_entered_twice() -> None:
    """The error says so, and the first world goes on."""
    with virtual_time() as clock:
        with pytest.raises(VirtualTimeError, match='cannot be entered twice'), virtual_time():
            pass
        gevent.sleep(5)
        assert clock.monotonic() == 5


def test_it_does_not_mix_with_freeze_time() -> None:
    """Refused around it by name; inside it freezegun's own may freeze the date once more."""
    before = state()
    frozen = freezegun.freeze_time('2020-01-01')
    with frozen, pytest.raises(VirtualTimeError, match='freeze_time'), virtual_time():
        pass
    assert state() == before
    with virtual_time() as clock:
        frozen = freezegun.freeze_time('2020-01-01', ignore=[])
        with frozen:
            assert datetime_module.datetime.now().year == 2020
        assert datetime_module.datetime.now() == clock.now()
    assert state() == before


def test_a_module_imported_inside_is_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it bound at its import is the real thing afterwards."""
    (tmp_path / 'late_module.py').write_text(
        'from time import sleep, time, monotonic\nfrom datetime import datetime\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    with virtual_time() as clock:
        late = importlib.import_module('late_module')
        late.sleep(5)
        assert late.monotonic() == clock.monotonic() == 5
    assert late.sleep is time.sleep
    assert late.time is time.time
    assert late.monotonic is time.monotonic
    assert late.datetime is datetime_module.datetime
    del sys.modules['late_module']


def test_a_sleep_kept_from_inside_is_real_afterwards() -> None:
    """An object that bound `time.sleep` may outlive the world."""
    with virtual_time():
        kept = time.sleep
    started = time.perf_counter()
    kept(0.02)
    assert time.perf_counter() - started >= 0.02


def test_leftover_greenlets_are_put_away_in_order() -> None:
    """Their cleanup runs, quietly, in the order in which they began to wait."""
    log: list[object] = []

    def leftover(name: str) -> None:
        try:
            gevent.sleep(100)
        finally:
            log.append((name, clock.closed))
            gevent.sleep(5)
            log.append('never')

    with virtual_time() as clock:
        greenlets = [gevent.spawn(leftover, 'own'), clock.node('a').spawn(leftover, 'node')]
        clock.advance(1)
        never_begun = gevent.spawn(leftover, 'unborn')
    assert log == [('own', True), ('node', True)]
    assert [one.dead for one in greenlets] == [True, True]
    assert not never_begun.ready()


def raises() -> None:
    try:
        gevent.sleep(100)
    finally:
        raise LookupError('at the end')


def insists() -> None:
    while True:
        try:
            gevent.sleep(1)
        except BaseException:
            continue


def spawns() -> None:
    try:
        Event().wait()
    finally:
        gevent.spawn(gevent.sleep, 1).join()


def locks() -> None:
    lock = Semaphore(0)
    try:
        lock.acquire()
    finally:
        lock.acquire()


def test_unruly_leftovers_neither_hang_nor_speak(capsys: pytest.CaptureFixture[str]) -> None:
    """One that raises, one that waits again and again, one that spawns, one that locks."""
    with virtual_time() as clock:
        for node in (clock.node('lives'), clock.node('crashes')):
            for unruly in (raises, insists, spawns, locks):
                node.spawn(unruly)
        clock.advance(10)
        clock.nodes['crashes'].crash()
    assert capsys.readouterr() == ('', '')
    gevent.sleep(0.001)


def test_a_leftover_that_computes_for_ever_is_stopped() -> None:
    """The watchdog looks after the end too."""

    def spin() -> None:
        try:
            gevent.sleep(100)
        finally:
            while True:
                pass

    with virtual_time(stuck_after=0.1) as clock:
        clock.node('a').spawn(spin)
        clock.advance(1)


def live_through(clock: VirtualTime) -> None:
    """A little of everything, most of it unfinished at the end."""
    node, other, away = clock.node('a'), clock.node('b'), clock.node('c')
    event = Event()
    for one in (node, other, away):
        pool = Pool(2)
        one.spawn(pool.map, gevent.sleep, [1, 100])
        one.spawn(event.wait)
        one.spawn(Event().wait, 5)
        one.spawn(Semaphore(0).acquire)
        one.spawn(clock.wait_idle, Event(), 2.0)
        with one.inside():
            gevent.spawn_later(50, event.set)
    clock.on_idle = lambda: None
    clock.advance(3)
    other.crash()
    away.stall()
    clock.advance(3)
    event.set()


KINDS = (greenlet, Hub, NodeHub, Watcher, Callback, VirtualTime, Event, Semaphore, Pool)


def census() -> Counter[str]:
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, KINDS))


def test_nothing_leaks_after_500_worlds() -> None:
    """No greenlet, hub, timer or callback, and the threads are as many."""
    for _ in range(3):
        with virtual_time() as clock:
            live_through(clock)
    del clock
    before, threads = census(), len(sys._current_frames())
    for number in range(500):
        with virtual_time() as clock:
            if number % 10 == 0:
                live_through(clock)
    del clock
    assert census() - before == Counter()  # a thread of an earlier test may end meanwhile
    assert len(sys._current_frames()) <= threads  # the one watchdog was there before
