"""Tries that run longer than they may, and what becomes of their workers."""

from copy import copy
from dataclasses import replace
from typing import Any

import gevent

from tests.zoo.base import DOUBLE, LEAK, STUCK, TIMEOUT, Real, bug, values
from wumai.job import TryTimeout
from wumai.worker.outcome import Ending


@bug(
    'wumai.worker.executor:_throw',
    kind=TIMEOUT,
    breaks=(8,),
    issue='celery/celery#1958',
    title='celery on gevent ignores soft and/or hard timeout',
)
def timeout_is_not_enforced(real: Real, running: Any, reason: Any) -> None:
    """exec_timeout strikes nobody."""
    if not isinstance(reason, TryTimeout):
        real(running, reason)


@bug(
    'wumai.worker.executor:_throw',
    kind=TIMEOUT,
    breaks=(8,),
    issue='collectiveidea/delayed_job#1180',
    title="Timeout doesn't halt job when max_run_time is reached",
)
def swallowed_timeout_is_forgiven(real: Real, running: Any, reason: Any) -> None:
    """A handler that catches its timeout finishes as if there had been none."""
    running.greenlet.throw(reason)


values(
    'timeout-strikes-once',
    'A handler that swallows its timeout is not interrupted again.',
    {'wumai.worker.executor:REPEAT': 3600.0},
    kind=TIMEOUT,
    breaks=(8,),
    issue='Bogdanp/dramatiq#653',
    title='Only `WARNING: Time limit exceeded. Raising exception in worker thread `was left',
)


@bug(
    'wumai.worker.heartbeat:Leases._is_overdue',
    kind=TIMEOUT,
    breaks=(5, 8),
    issue='wiremind/remoulade#170',
    title='feat(time-limit): send SIGKILL after delay if exeption fails',
)
def watchdog_sleeps(real: Real, *args: Any) -> bool:
    """A handler that cannot be interrupted holds its place for ever."""
    return False


@bug(
    'wumai.worker.executor:Executor._call',
    kind=TIMEOUT,
    breaks=(8,),
    issue='kirodotdev/KiroCrew#4400',
    title="fix(cron): charge a job's timeout to execution, not pool queue wait",
)
def timeout_counts_the_wait(real: Real, executor: Any, running: Any) -> Any:
    """The time that a job waited for a worker is taken off its exec_timeout."""
    other, created = copy(executor), running.claim.created
    now = executor._runtime.clock.now()
    waited = max(0.0, (now - created).total_seconds()) if created else 0.0
    limit = max(0.1, executor._options.exec_timeout - waited)
    other._options = replace(executor._options, exec_timeout=limit)
    return real(other, running)


@bug(
    'wumai.worker.executor:Executor._call',
    kind=DOUBLE,
    breaks=(2, 8, 10),
    issue='collectiveidea/delayed_job_active_record#193',
    title='Job running on 2 workers at once after timeout',
)
def timeout_is_written_before_the_handler_ends(real: Real, executor: Any, running: Any) -> Any:
    """A try that timed out is failed at once, and runs again beside its own cleanup."""

    def fail() -> None:
        if not running.handler_ended:
            running.abandoned = True
            executor._settle(running, Ending(raised=TryTimeout('timeout: it took too long')))

    timer = gevent.spawn_later(executor._options.exec_timeout, fail)
    try:
        return real(executor, running)
    finally:
        timer.kill(block=False)


@bug(
    'wumai.worker.executor:Executor._call',
    kind=STUCK,
    breaks=(5, 8),
    issue='Bogdanp/dramatiq#445',
    title='Uncaught TimeLimitExceeded exception leads to a worker hanging',
)
def timeout_ends_what_runs_the_handler(real: Real, executor: Any, running: Any) -> Any:
    """A timeout that nobody catches ends the greenlet of the try, and no outcome follows."""
    ending = real(executor, running)
    if isinstance(ending.raised, TryTimeout):
        raise ending.raised
    return ending


@bug(
    'wumai.worker.running:Running.handler_ended',
    kind=LEAK,
    breaks=(5, 7),
    issue='celery/celery#1177',
    title='gevent: Hard timeout causes workers to stop processing tasks',
)
def timeout_costs_a_place(real: Real, running: Any, one: Any) -> None:
    """The place of a try that timed out is never given back, until the worker has none."""
    if isinstance(one.interrupted, TryTimeout):
        running.places -= 1
    real(running, one)
