"""One try: its greenlet, its timer, its handler, and the outcome that follows."""

import sys
from collections import deque
from collections.abc import Sequence
from contextvars import copy_context
from typing import Any
from weakref import getweakrefcount

from gevent import getcurrent, spawn
from gevent.hub import get_hub

from wumai import logger
from wumai.common import local
from wumai.job import Claim, Interrupt, TryTimeout, load_params
from wumai.runtime import Runtime
from wumai.worker.actions import Actions
from wumai.worker.options import WorkerOptions
from wumai.worker.outcome import (
    Ending,
    decide,
    describe,
    dump_result,
    failed,
    finished,
    release,
)
from wumai.worker.running import Running, RunningJob, Try
from wumai.worker.writer import OutcomeWriter

REPEAT = 1.0
"""Seconds after which a handler that swallowed an interrupt is interrupted again."""

SLICE = 0.005
"""Seconds after which a greenlet lets all others have their turn before the next try."""


class Executor:
    """Runs tries, each in a greenlet that is its own for that time.

    A greenlet runs one try after the other, since to make one costs more than all else in a short
    try; where a handler waits, the next greenlet goes on with the tries that have not begun.
    """

    def __init__(
        self,
        runtime: Runtime,
        options: WorkerOptions,
        actions: Actions,
        running: Running,
        writer: OutcomeWriter,
    ) -> None:
        self._runtime = runtime
        self._options = options
        self._actions = actions
        self._running = running
        self._writer = writer
        self._waiting: deque[Try] = deque()
        self._coming = 0
        """Greenlets that are about to begin, to take from `_waiting`."""

    def start(self, claims: Sequence[Claim], claimed: float, *, run: bool = True) -> None:
        """Run the handlers of `claims`, which were claimed at `claimed` on the monotonic clock.

        Without `run`, hand the jobs back instead: the worker was stopped meanwhile.
        """
        # A claim may have been in doubt for long: its lease counts from there, its time from here.
        began, now = self._runtime.clock.monotonic(), self._runtime.clock.now()
        for claim in claims:
            running = Try(claim, began, now, renewed=claimed)
            self._running.add(running)
            if run:
                self._waiting.append(running)
            else:
                self.release(running)
        self._summon(1)

    def release(self, running: Try) -> None:
        """Hand the job back now, its try not counted, whatever its handler does later.

        A try that had its timeout before has failed all the same.
        """
        running.abandoned = running.handler_ended = True
        if isinstance(running.interrupted, TryTimeout):
            self._settle(running, Ending(raised=running.interrupted))
        else:
            self._writer.put(running, release(running.claim))

    def _summon(self, greenlets: int) -> None:
        """Have so many greenlets about to begin, at most one for each try that waits."""
        while self._coming < min(greenlets, len(self._waiting)):
            self._coming += 1
            get_hub().loop.run_callback(spawn, self._take)

    def _take(self) -> None:
        """Run what waits, one after the other, while the tries leave no mark on the greenlet."""
        self._coming -= 1
        greenlet: Any = getcurrent()
        began = self._runtime.clock.monotonic()
        unmarked = _marks(greenlet)
        while self._waiting:
            running = self._waiting.popleft()
            self._summon(1)  # it comes when this handler waits
            running.greenlet = greenlet
            copy_context().run(self._run, running)
            running.greenlet = None
            if _marks(greenlet) != unmarked:
                self._summon(len(self._waiting))
                return
            if self._runtime.clock.monotonic() - began > SLICE:
                return

    def _run(self, running: Try) -> None:
        local.enter('worker', f'{running.id}.{running.claim.trys}')
        ending = self._call(running)
        self._running.handler_ended(running)
        if not running.abandoned:
            self._settle(running, ending)

    def _settle(self, running: Try, ending: Ending) -> None:
        claim = running.claim
        if ending.raised is None:
            self._writer.put(running, finished(claim, ending.result))
            return
        now = self._runtime.clock.now()
        try:
            outcome = decide(claim, ending.raised, now)
        except Exception as error:  # such as of an app's own RunLater, whose seconds are none
            outcome = failed(claim, describe(error), now)
        if outcome is None:
            logger.warning('%s: stopped, its lease is lost; nothing is written', claim.action)
            self._running.remove(running)
        else:
            self._writer.put(running, outcome)

    def _call(self, running: Try) -> Ending:
        """Run the handler to its end. Nothing that it raises goes further than here."""
        timer = get_hub().loop.timer(self._options.exec_timeout, REPEAT)
        try:
            timer.start(self._time_out, running)
            try:
                value = self._handle(running)
            finally:
                timer.stop()
                timer.close()
            ending = Ending(result=dump_result(value))
        except BaseException as error:
            # SystemExit and KeyboardInterrupt of a handler cost its try, not the worker.
            ending = Ending(raised=error)
        return Ending(raised=running.interrupted) if running.interrupted else ending

    def _time_out(self, running: Try) -> None:
        limit = self._options.exec_timeout
        _throw(running, TryTimeout(f'timeout: the try ran past exec_timeout ({limit:g} s)'))

    def _handle(self, running: Try) -> Any:
        if running.interrupted:  # before its greenlet ran for the first time
            return None
        running.entered = True
        handler = self._actions.find(running.claim.action)
        params = load_params(running.claim.params)
        return handler(RunningJob(running, params, self._runtime.clock, self._options.lease))


def _marks(greenlet: Any) -> tuple[int, int]:
    """How many refer to a greenlet: a local of the app's, a Timeout that was never closed, a child.
    What a try left there must not reach the next one.
    """
    return sys.getrefcount(greenlet), getweakrefcount(greenlet)


def interrupt(running: Try, reason: Interrupt) -> None:
    """Raise `reason` in the handler now and each second until it has ended; call on its hub."""
    if running.handler_ended:
        return
    if not running.entered:
        running.interrupted = running.interrupted or reason
        return
    timer = get_hub().loop.timer(0.0, REPEAT)

    def throw() -> None:
        if running.handler_ended:
            timer.stop()
            timer.close()
        else:
            _throw(running, reason)

    timer.start(throw)


def _throw(running: Try, reason: Interrupt) -> None:
    """Called by the hub, so that the handler is somewhere waiting."""
    running.interrupted = running.interrupted or reason
    assert running.greenlet is not None
    running.greenlet.throw(reason)
