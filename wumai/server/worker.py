"""The worker server: its parts put together, its start, its stop."""

from collections.abc import Mapping
from typing import Any

import gevent
from gevent.event import Event

from wumai import logger
from wumai.common import local
from wumai.job import Stopped
from wumai.notify.base import Channel
from wumai.runtime import Runtime
from wumai.server.health import Health, Readiness, answering
from wumai.server.signals import stop_signals
from wumai.store.db_errors import StoreError
from wumai.worker.actions import Actions, Handler
from wumai.worker.backoff import Backoff
from wumai.worker.executor import Executor, interrupt
from wumai.worker.heartbeat import Leases
from wumai.worker.loop import Loop
from wumai.worker.options import WorkerOptions
from wumai.worker.running import Running
from wumai.worker.writer import OutcomeWriter

CLEANUP = 2.0
"""Seconds that an interrupted handler is given at a stop."""
FLUSH = 5.0
"""Seconds that messages on their way are given at a stop."""


class Worker:
    """Runs the jobs of the table `job`; made by `create_worker`."""

    tables = ('job',)
    """Those that it needs to run."""

    def __init__(self, runtime: Runtime, options: WorkerOptions) -> None:
        self.options = options
        self._runtime = runtime
        self._actions = Actions()
        self._running = Running(options.exec_size)
        self._writer = OutcomeWriter(runtime, self._running)
        self._executor = Executor(runtime, options, self._actions, self._running, self._writer)
        self._loop = Loop(runtime, options, self._running, self._executor)
        self._running.on_change = self._loop.place_freed
        self._stop = Event()

    def route(self, handlers: Mapping[str, Handler]) -> 'Worker':
        """Add handlers by action; each takes one argument, the job."""
        self._actions.route(handlers)
        return self

    def add_notifier(self, channel: Channel) -> 'Worker':
        """Tell failed tries to a channel of the app's own: it has a `name` and `send(text)`.

        Raises ConfigError for what has not.
        """
        self._runtime.notifier.add(channel)
        return self

    def start(self, *, health_port: int | None = None) -> None:
        """Run jobs until SIGTERM, SIGINT, SIGQUIT or `stop()`; with `health_port`, answer
        GET /healthz and /readyz there.

        Raises SystemExit(1) if the database could not be reached at the end; a second signal
        leaves at once with 1. Raises ConfigError or SchemaError where it cannot run.
        """
        self.actions()
        self._runtime.worker_store  # noqa: B018 - a missing setting is an error here, not later
        local.enter('worker', '-')
        with stop_signals(self.stop), answering(self._health(health_port)):
            # In a greenlet of its own: a signal that strikes here must not strike the loop.
            serving = gevent.spawn(self._guarded)
            self._outlive(serving)
        match serving.get():
            case Exception() as error:
                raise error
            case False:
                raise SystemExit(1)

    @property
    def in_doubt(self) -> bool:
        """Whether there are outcomes, or rescues, that are not known to be in the database."""
        return bool(self._writer.unwritten()) or self._loop.in_doubt

    def stop(self) -> None:
        """Begin the graceful stop; `start` returns when it is done."""
        self._stop.set()

    def facts(self) -> dict[str, Any]:
        """What it is doing now: `status`, `running`, and `lastPoll`, the seconds since it last
        looked at the table with success.
        """
        polled = self._loop.polled
        ago = None if polled is None else round(self._runtime.clock.monotonic() - polled, 3)
        return {
            'status': 'stopping' if self._stop.is_set() else 'running' if polled else 'starting',
            'worker': self._runtime.worker_name,
            'running': len(self._running.handlers),
            'lastPoll': ago,
        }

    def _health(self, port: int | None) -> Health | None:
        if port is None:
            return None
        readiness = Readiness(lambda: self._runtime.connect('health'), self._runtime.clock)
        return Health(port, self.facts, readiness)

    def actions(self) -> list[str]:
        """What it has handlers for; without routes, those of `<app_root>/model/job/action.py`,
        which are loaded. Raises ConfigError where there are none.
        """
        if not self._actions:
            self._actions.load(self._runtime.config)
        return sorted(self._actions)

    @staticmethod
    def _outlive(serving: 'gevent.Greenlet[[], Any]') -> None:
        """Wait for the end. A SystemExit of a greenlet that a handler started arrives here too."""
        while not serving.dead:
            try:
                serving.join()
            except (SystemExit, KeyboardInterrupt) as error:
                logger.error('a greenlet of a handler raised %r; the worker goes on', error)

    def _guarded(self) -> bool | Exception:
        """`_serve`; what it raises is for the caller of `start` alone, and not for the hub."""
        try:
            return self._serve()
        except Exception as error:
            return error

    def _serve(self) -> bool:
        """The whole life of the worker; whether all is in the database at its end."""
        local.enter('worker', '-')
        if not self._await_database():
            return False
        leases = Leases(self._runtime, self.options, self._running, self._writer, self._loop.stop)
        self._runtime.heartbeat.start(leases.beat, leases.period)
        forget = self._runtime.wakeups.listen(self._loop.created)
        hang_up = self._runtime.wakeups.hear(self._loop.tell)
        writing = gevent.spawn(self._writer.run)
        looping = gevent.spawn(self._loop.run)
        logger.info('worker %s takes jobs', self._runtime.worker_name)
        try:
            self._stop.wait()
            return self._wind_down(looping)
        finally:
            forget()
            hang_up()
            gevent.killall([looping, writing])
            self._runtime.heartbeat.stop()

    def _await_database(self) -> bool:
        """Wait until the tables can be checked; false if the worker was stopped before."""
        backoff = Backoff(self._runtime)
        while True:
            try:
                for problem in self._runtime.worker_store.problems(self.tables):
                    logger.warning('%s', problem)
                self._runtime.worker_store.limits.load()
                return True
            except StoreError as error:
                if self._stop.wait(backoff.next(error, 'waiting for the database')):
                    return False

    def _wind_down(self, looping: 'gevent.Greenlet[..., None]') -> bool:
        logger.info('stopping: %d jobs are running', len(self._running.handlers))
        clock, deadline = self._runtime.clock, self.options.grace
        began = clock.monotonic()
        self._loop.stop()
        looping.join(deadline)
        self._await_handlers(deadline - (clock.monotonic() - began))
        for one in self._running.handlers:
            interrupt(one, Stopped('the worker is stopping'))
        self._await_handlers(CLEANUP)
        left = max(CLEANUP, deadline - (clock.monotonic() - began))
        looping.join(left)  # it may still ask for a claim, and hand it back
        self._writer.drain(left)
        flushing = clock.monotonic()
        self._runtime.notifier.flush(FLUSH)
        if self._running.handlers:
            # At the very end: once they are released, others may run them.
            self._release()
            self._runtime.notifier.flush(max(0.0, FLUSH - (clock.monotonic() - flushing)))
        self._runtime.notifier.close()
        # What ended meanwhile counts too; and a claim may still be in doubt.
        settled = self._writer.drain(0) and looping.dead
        logger.info('stopped, %s', 'all is written' if settled else 'with outcomes unwritten')
        return settled

    def _release(self) -> None:
        """Hand back what does not end."""
        for one in self._running.handlers:
            logger.warning('%s %s does not end: released all the same', one.claim.action, one.id)
            self._executor.release(one)
        self._writer.drain(CLEANUP)

    def _await_handlers(self, seconds: float) -> None:
        ended = Event()
        self._running.on_change = ended.set
        deadline = self._runtime.clock.monotonic() + seconds
        while self._running.handlers:
            ended.clear()
            if not ended.wait(max(0.0, deadline - self._runtime.clock.monotonic())):
                return
