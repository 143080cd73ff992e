"""Keeps the leases of running tries, and ends the process when a handler can not be ended.

`Leases.beat` is what is done; the runtime's Heartbeat says who calls it: in production a native
thread, which goes on while a handler holds the hub. A C call that keeps the GIL stops it.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import gevent
from gevent import monkey
from gevent.hub import Hub, get_hub

from wumai import logger
from wumai.clock import floor_second
from wumai.common import local
from wumai.job import ERROR, PENDING, WORKER_LOST, LeaseLost, Outcome
from wumai.runtime import Runtime
from wumai.store.base import Store
from wumai.store.db_errors import StoreError, Unavailable
from wumai.worker.backoff import Backoff
from wumai.worker.executor import interrupt
from wumai.worker.options import WorkerOptions
from wumai.worker.outcome import failed
from wumai.worker.running import Running, Try
from wumai.worker.telling import failure
from wumai.worker.writer import OutcomeWriter

EXIT_CODE = 75
"""EX_TEMPFAIL: the process manager is to start the worker again."""
HASTE = 0.8
"""Of a third of a lease: so that between two looks of a rescuer, which are a third apart, there
is a heartbeat for certain, and not one that is about to come.
"""
STAMPS = 2
"""Renewals whose seconds the next does not bear again: as many as may be between two looks."""
FAILING_PERIOD = 2.0
"""Seconds after which a heartbeat that has failed by a bug beats again."""
LAST_WORDS = 10.0
"""Seconds that the channels are given before the process leaves."""
STOP_WITHIN = LAST_WORDS + 5.0
"""Seconds that a stop waits for the beat under way, which may be writing a last outcome."""


class Leases:
    """Renews what runs; looks after tries that outlive their timeout."""

    def __init__(
        self,
        runtime: Runtime,
        options: WorkerOptions,
        running: Running,
        writer: OutcomeWriter,
        stop_claims: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._options = options
        self._running = running
        self._writer = writer
        self._stop_claims = stop_claims
        self._backoff = Backoff(runtime)
        self.period = HASTE * options.lease / 3
        self._stamps: deque[datetime] = deque(maxlen=STAMPS)

    def beat(self, store: Store) -> float | None:
        """Renew all leases once; the seconds until the next time, None where nothing runs."""
        asked = self._runtime.clock.monotonic()
        tries = list(self._running.tries.values())
        overdue = [one for one in tries if self._is_overdue(one, asked)]
        if overdue:
            self._leave(store, overdue)
        if not tries:
            return None
        try:
            fences = [one.fence for one in tries]
            stamp = self._stamp()
            renewed, lost = store.renew(fences, stamp)
        except StoreError as error:
            # At once first: a rescuer may look at a lease that is all but over.
            told = f'the leases of {len(tries)} jobs were not renewed'
            return min(self._backoff.next(error, told), self.period / 4)
        self._backoff.reset()
        self._stamps.append(stamp)
        for one in tries:
            if one.fence in renewed:
                one.renewed = asked
            elif one.fence in lost:
                self._runtime.heartbeat.in_hub(partial(_lose, one))
        return self.period

    def _stamp(self) -> datetime:
        """The time, but none of the last ones again where the clock has been set back: a rescuer
        would take the lease for one that was not renewed.
        """
        stamp = floor_second(self._runtime.clock.now())
        while stamp in self._stamps:
            stamp += timedelta(seconds=1)
        return stamp

    def _is_overdue(self, one: Try, now: float) -> bool:
        age = now - one.began
        return not one.handler_ended and age > self._options.exec_timeout + self._options.grace

    def _leave(self, store: Store, overdue: list[Try]) -> None:
        """Write what can still be written, and end the process, so that others take over."""
        now = self._runtime.clock.now()
        for one in overdue:
            logger.critical(
                '%s %s does not end, the process leaves with %d. It stands at:\n%s',
                one.claim.action, one.id, EXIT_CODE, _stack(one),
            )  # fmt: skip
        reason = f'timeout: the try could not be ended {self._options.grace:g} s after exec_timeout'
        unwritten = self._writer.hand_over()
        others = [one for one in self._running.handlers if one not in overdue]
        in_hub = self._runtime.heartbeat.in_hub
        in_hub(self._stop_claims)
        for one in others:  # once they are handed back, they may run elsewhere
            in_hub(partial(interrupt, one, LeaseLost('the process leaves')))
        last = [
            *unwritten,
            *((one, failed(one.claim, reason, now)) for one in overdue),
            *((one, _handed_back(one, now)) for one in others),
        ]
        written = _written(store, [outcome for _, outcome in last], now)
        # A commit that was in doubt, of the writer's too, may have come through.
        written |= _stored(store, [one for _, one in last if one.id not in written])
        notices = [
            failure(one.claim, outcome)
            for one, outcome in last
            if outcome.error is not None and outcome.id in written
        ]
        self._runtime.notifier.last_words(notices, LAST_WORDS)
        self._runtime.heartbeat.leave(EXIT_CODE)


def _lose(one: Try) -> None:
    if one.handler_ended or one.interrupted:  # which is repeated until the handler ends
        return
    logger.warning('%s %s: the lease is lost, the handler is stopped', one.claim.action, one.id)
    interrupt(one, LeaseLost('the lease is lost'))


def _written(store: Store, outcomes: list[Outcome], now: datetime) -> set[str]:
    """Write what can be written, one by one where one of them keeps the others out; their ids."""
    try:
        return store.write(outcomes, now)
    except StoreError as error:
        logger.critical('%s: the outcomes are written one by one', error)
    written: set[str] = set()
    for outcome in outcomes:
        try:
            written |= store.write([outcome], now)
        except StoreError as error:
            logger.critical('%s: %s waits until its lease is over', error, outcome.id)
            if isinstance(error, Unavailable):
                break
    return written


def _stored(store: Store, outcomes: list[Outcome]) -> set[str]:
    try:
        return store.written(outcomes)[0] if outcomes else set()
    except StoreError as error:
        logger.critical('%s: what the worker has stored is not told', error)
        return set()


def _handed_back(one: Try, now: datetime) -> Outcome:
    """A neighbour of the try that ends the process: due at once, its try counted."""
    claim = one.claim
    if claim.trys >= claim.try_max:
        return Outcome(claim.id, claim.token, ERROR, error=WORKER_LOST, trys=claim.trys)
    due = floor_second(now)  # as it is stored, so that it is known again
    return Outcome(claim.id, claim.token, PENDING, error=WORKER_LOST, run_at=due, trys=claim.trys)


def _stack(one: Try) -> str:
    # A greenlet that waits has a frame; the one that holds the hub is found among the threads.
    frame = getattr(one.greenlet, 'gr_frame', None)
    frames = [frame] if frame else list(sys._current_frames().values())
    return ''.join(''.join(traceback.format_stack(frame)) for frame in frames)


class ThreadHeartbeat:
    """The Heartbeat of production: a native thread with connections of its own."""

    def __init__(self, connect: Callable[[float], Store]) -> None:
        self._connect = connect
        self._hub: Hub | None = None
        self._ready: Any = None
        self._stopping: Any = None
        self._ended: Any = None

    def start(self, beat: Callable[[Store], float | None], period: float) -> None:
        self._hub = get_hub()
        # New ones at each start. The real ones, also where gevent has put its own in their place.
        allocate = monkey.get_original('_thread', 'allocate_lock')
        self._ready, self._stopping, self._ended = allocate(), allocate(), allocate()
        for lock in (self._ready, self._stopping, self._ended):
            lock.acquire()
        monkey.get_original('_thread', 'start_new_thread')(self._run, (beat, period))
        # Two threads that make their first hub at one moment may wait for each other's imports.
        self._ready.acquire()

    def began(self) -> None:
        """Nothing to do: the thread beats all the time."""

    def in_hub(self, call: Callable[[], None]) -> None:
        if hub := self._hub:
            # In a greenlet of its own, where it may log and wait.
            hub.loop.run_callback_threadsafe(gevent.spawn, call)

    def stop(self) -> None:
        if self._hub is None:
            return
        self._hub = None
        self._stopping.release()
        self._ended.acquire(timeout=STOP_WITHIN)

    def leave(self, code: int) -> None:
        logger.flush()
        os._exit(code)

    def _run(self, beat: Callable[[Store], float | None], period: float) -> None:
        get_hub()
        self._ready.release()
        local.enter('worker', '-')
        store: Store | None = None
        pause = 0.0
        while not self._stopping.acquire(timeout=pause):
            try:
                store = store or self._connect(period / 2)
                pause = beat(store) or period
            except Exception:
                logger.exception('the heartbeat failed')
                pause = FAILING_PERIOD
        if store:
            store.close()
        get_hub().destroy()
        self._ended.release()
