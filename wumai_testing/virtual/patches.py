"""What is replaced in the process while a virtual world is open, and put back after it.

freezegun does the replacing of the time functions; what they are replaced with is ours: they
read the timeline, and only in the world's own thread. So no jump costs anything, the
nanoseconds are exact, and threads outside (pytest-timeout's, execnet's) keep the real time.
Chance comes from the world's seed, in the same way.
"""

import os
import random
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

import freezegun
import gevent
import gevent.threadpool
from freezegun import api
from gevent.lock import Semaphore
from gevent.monkey import get_original, is_module_patched

from wumai_testing.virtual.errors import RealWorkRefused, VirtualTimeError
from wumai_testing.virtual.hub import THREADS_CURE
from wumai_testing.virtual.report import asyncio_asks, asyncio_waits, driver_asks
from wumai_testing.virtual.timebase import SECOND, Real, Timebase
from wumai_testing.virtual.watchers import SOCKETS_CURE, refuse

ASYNCIO_PATIENCE = 5.0
"""Real seconds that asyncio is left to wait for a file, such as a child's, before its timer."""

_get_ident: Callable[[], int] = get_original('_thread', 'get_ident')


class _State:
    """What the replacements look at."""

    base: Timebase | None = None
    thread = 0
    chance = random.Random()
    threads_allowed = False
    # The real ones, in a class, where no scan of modules finds them.
    sleep: Callable[[float], None] = staticmethod(get_original('time', 'sleep'))
    urandom: Callable[[int], bytes] = staticmethod(os.urandom)
    seed: Callable[..., None] = staticmethod(random.seed)


def _timebase() -> Timebase | None:
    """The timeline, for code that runs in it."""
    return _State.base if _get_ident() == _State.thread else None


def virtual_clock_time() -> float:
    """`time.time` inside."""
    base = _timebase()
    return Real.time() if base is None else (base.epoch_ns + base.now_ns) / SECOND


def virtual_clock_time_ns() -> int:
    """`time.time_ns` inside."""
    base = _timebase()
    return Real.time_ns() if base is None else base.epoch_ns + base.now_ns


def virtual_clock_monotonic() -> float:
    """`time.monotonic` inside."""
    base = _timebase()
    return Real.monotonic() if base is None else base.now_ns / SECOND


def virtual_clock_monotonic_ns() -> int:
    """`time.monotonic_ns` inside."""
    base = _timebase()
    return Real.monotonic_ns() if base is None else base.now_ns


def virtual_clock_sleep(seconds: float) -> None:
    """`time.sleep` inside; kept beyond the end of a world, it is the real one again."""
    if _timebase() is None:
        _State.sleep(seconds)
    elif seconds < 0:
        raise ValueError('sleep length must be non-negative')
    else:
        gevent.sleep(seconds)


def virtual_urandom(size: int) -> bytes:
    """`os.urandom` inside, and so `secrets` and `uuid.uuid4`."""
    return _State.urandom(size) if _timebase() is None else _State.chance.randbytes(size)


def virtual_seed(a: Any = None, version: int = 2) -> None:
    """`random.seed` inside: that of its generator, which is bound to the real one."""
    generator: random.Random = random._inst
    generator.seed(a, version)


class _Moment:
    """Stands in freezegun's list of frozen times, and is asked by `datetime.now()`."""

    def __call__(self) -> datetime:
        base = _timebase()
        return Real.utcnow() if base is None else base.now()

    def move_to(self, *_target: object) -> None:
        raise VirtualTimeError(
            'Inside virtual time freezegun cannot move the clock: use clock.advance().'
        )

    tick = move_to


_FAKES: dict[str, Callable[[], float]] = {
    'fake_time': virtual_clock_time,
    'fake_time_ns': virtual_clock_time_ns,
    'fake_monotonic': virtual_clock_monotonic,
    'fake_monotonic_ns': virtual_clock_monotonic_ns,
    'fake_perf_counter': api.real_perf_counter,
    'fake_perf_counter_ns': api.real_perf_counter_ns,
}
"""Put in the place of freezegun's own; perf_counter, aliases included, stays real."""

_REAL_IDS = api._real_time_object_ids
"""What freezegun looks for in modules."""
_OWN_FAKES: dict[int, Any] = {
    id(_State.sleep): virtual_clock_sleep,
    id(_State.urandom): virtual_urandom,
    id(_State.seed): virtual_seed,
}
"""By the identity of what they replace, which freezegun does not look for."""
_SOUGHT_IDS = frozenset(_REAL_IDS) | _OWN_FAKES.keys()


def _replace(undo: ExitStack, owner: Any, name: str, value: object) -> None:
    if name in vars(owner):
        undo.callback(setattr, owner, name, vars(owner)[name])
    else:  # it is inherited
        undo.callback(delattr, owner, name)
    setattr(owner, name, value)


@contextmanager
def patched(base: Timebase, seed: int = 0) -> Iterator[None]:
    """Replace it all for the length of the block, also where the block fails."""
    if api.freeze_factories:
        raise VirtualTimeError(
            'freeze_time() is active here: leave it first, virtual_time(start=...) sets the time.'
        )
    with ExitStack() as undo:
        _State.thread = _get_ident()
        _State.base = base
        undo.callback(setattr, _State, 'base', None)
        _seed(undo, seed)
        _freeze(undo, base)
        _guard_threads(undo)
        _guard_sockets(undo)
        _guard_asyncio(undo)
        yield


def _seed(undo: ExitStack, seed: int) -> None:
    """Let the process's chance, and that of generators made without a seed, come from `seed`."""
    _State.chance = random.Random(f'{seed}/chance')
    undo.callback(random.setstate, random.getstate())
    random.seed(_State.chance.getrandbits(64))
    seed_generator = random.Random.seed

    def seed_from_chance(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and _timebase() is not None:
            a = _State.chance.getrandbits(64)
        seed_generator(self, a, version)

    _replace(undo, random.Random, 'seed', seed_from_chance)


def _freeze(undo: ExitStack, base: Timebase) -> None:
    found: list[tuple[ModuleType, str, object]] = []
    with ExitStack() as starting:
        scan = _Scan(found)
        for name, fake in _FAKES.items():
            _replace(starting, api, name, fake)
        # Its own asks each module for dir() and hashes that: 3 times as slow.
        _replace(starting, api, '_get_cached_module_attributes', scan)
        # Its default list leaves `queue`, `threading` and more on the real clock.
        _replace(undo, freezegun.config.settings, 'default_ignore_list', [])
        frozen = freezegun.freeze_time(base.start, ignore=[])
        frozen.start()
    undo.callback(frozen.stop)
    api.freeze_factories[-1] = _Moment()  # type: ignore[call-overload]
    reals = {
        id(virtual_clock_sleep): time.sleep,
        id(virtual_urandom): _State.urandom,
        id(virtual_seed): _State.seed,
    }
    undo.callback(_restore_new_modules, set(sys.modules), reals)
    _replace(undo, time, 'sleep', virtual_clock_sleep)
    for module, name, real in found:
        undo.callback(setattr, module, name, real)
        setattr(module, name, _OWN_FAKES[id(real)])


class _Scan:
    """Finds the time functions in a module's globals, and what is `own` in the same pass."""

    def __init__(self, own: list[tuple[ModuleType, str, object]]) -> None:
        self._own = own

    def __call__(self, module: ModuleType) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = []
        contents = getattr(module, '__dict__', {})
        # All in C, for the forty thousand values of an ordinary process.
        if _SOUGHT_IDS.isdisjoint(map(id, contents.values())):
            return found
        for name, value in list(contents.items()):
            if id(value) in _OWN_FAKES:
                self._own.append((module, name, value))
            elif id(value) in _REAL_IDS:
                found.append((name, value))
        return found


def _restore_new_modules(loaded: set[str], reals: dict[int, Any]) -> None:
    """Modules imported inside took our fakes; freezegun restores the rest of theirs."""
    for name in set(sys.modules) - loaded:
        module = sys.modules.get(name)
        for attribute, value in list(getattr(module, '__dict__', {}).items()):
            if id(value) in reals and name != __name__:
                setattr(module, attribute, reals[id(value)])


def _guard_threads(undo: ExitStack) -> None:
    start_thread = threading.Thread.start
    spawn_in_pool = gevent.threadpool.ThreadPool.spawn

    def start(thread: threading.Thread) -> None:
        if not (_timebase() is None or _State.threads_allowed or is_module_patched('threading')):
            refuse(f'to start the native thread {thread.name!r}', THREADS_CURE)
        start_thread(thread)

    def spawn(pool: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not (_timebase() is None or _State.threads_allowed):
            refuse(f"to run {function!r} in a native thread of gevent's pool", THREADS_CURE)
        return spawn_in_pool(pool, function, *args, **kwargs)

    def allocate_lock() -> Any:
        # What a Condition waits with, so what an Event and a Queue do too.
        real = _timebase() is None or _State.threads_allowed
        return allocate_real_lock() if real else Semaphore()

    allocate_real_lock = threading._allocate_lock  # type: ignore[attr-defined]
    _replace(undo, threading, '_allocate_lock', allocate_lock)
    _replace(undo, threading.Thread, 'start', start)
    _replace(undo, gevent.threadpool.ThreadPool, 'spawn', spawn)


def _guard_sockets(undo: ExitStack) -> None:
    blocking: Any = get_original('socket', 'socket')

    def guarded(method: str) -> Callable[..., Any]:
        real = getattr(blocking, method)

        def connect(self: Any, address: Any) -> Any:
            if not (_timebase() is None or driver_asks()):
                refuse(f'to connect a real socket to {address!r}', SOCKETS_CURE)
            return real(self, address)

        return connect

    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not (_timebase() is None or driver_asks()):
            refuse(f'to look up the host {host!r}', SOCKETS_CURE)
        return look_up(host, *args, **kwargs)

    _replace(undo, blocking, 'connect', guarded('connect'))
    _replace(undo, blocking, 'connect_ex', guarded('connect_ex'))
    _replace(undo, socket, 'getaddrinfo', getaddrinfo)


def _guard_asyncio(undo: ExitStack) -> None:
    """Refuse waits of asyncio for its timers: they follow the virtual clock, its waits do not."""
    real = selectors.DefaultSelector.select

    def select(self: Any, timeout: float | None = None) -> Any:
        if not timeout or timeout < 0 or _timebase() is None or not asyncio_asks():
            return real(self, timeout)
        ready = real(self, min(timeout, ASYNCIO_PATIENCE))
        if not ready:
            raise RealWorkRefused(
                f'asyncio waits for time to pass, at {asyncio_waits()}. It does so in real time, '
                'while virtual time stands still: let that pass with advance() of wumai_sim or '
                'of the clock, or wait with time.sleep() or gevent.sleep().'
            )
        return ready

    _replace(undo, selectors.DefaultSelector, 'select', select)


@contextmanager
def threads_allowed() -> Iterator[None]:
    """Let native threads start inside virtual time.

    For the machinery around a test alone: whoever uses it answers for the thread never
    touching the virtual world, as the watchdog does.
    """
    before, _State.threads_allowed = _State.threads_allowed, True
    try:
        yield
    finally:
        _State.threads_allowed = before
