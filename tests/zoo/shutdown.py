"""What a graceful stop loses, or never ends."""

from typing import Any

from tests.zoo.base import SHUTDOWN, TELLING, TWO, Real, bug


@bug(
    'wumai.worker.loop:Loop._begin',
    kind=SHUTDOWN,
    breaks=(5, 11),
    issue='sidekiq/sidekiq#622',
    title='Fix #621 fix job re-queueing on hard shutdown (e.g. SIGTERM)',
)
def claims_of_a_stop_are_dropped(real: Real, loop: Any, *args: Any) -> None:
    """What a claim takes while the worker is told to stop is neither run nor handed back."""
    if not loop._stopping:
        real(loop, *args)


@bug(
    'wumai.worker.writer:OutcomeWriter.drain',
    kind=SHUTDOWN,
    breaks=(6, 11),
    needs=(TWO,),
    issue='timgit/pg-boss#102',
    title='Failing jobs on server shutdown',
)
def stop_waits_for_no_outcome(real: Real, writer: Any, seconds: float) -> bool:
    """A stop does not wait until the outcomes are written."""
    return True


@bug(
    'wumai.worker.executor:Executor.release',
    kind=SHUTDOWN,
    breaks=(11,),
    issue='sidekiq/sidekiq#68',
    title='Killed Jobs are not requeued on Heroku',
)
def stop_hands_nothing_back(real: Real, executor: Any, running: Any) -> None:
    """A job that does not end within grace is not handed back."""
    running.abandoned = running.handler_ended = True


@bug(
    'wumai.worker.loop:Loop.stop',
    kind=SHUTDOWN,
    breaks=(11,),
    issue='PUNCH-Cyber/stoq#6',
    title='SIGTERM handling',
)
def stopping_worker_goes_on_claiming(real: Real, loop: Any) -> None:
    """A worker that was told to stop goes on taking jobs, until it is ended."""


@bug(
    'wumai.server.worker:Worker._await_handlers',
    kind=SHUTDOWN,
    breaks=(11,),
    issue='sidekiq/sidekiq#3367',
    title='sidekiq fails to properly shutdown after kill',
)
def stop_waits_for_ever(real: Real, worker: Any, seconds: float) -> None:
    """A stop waits for handlers as long as they take."""
    real(worker, 1e9)


@bug(
    'wumai.notify.fanout:Fanout.flush',
    kind=TELLING,
    breaks=(9,),
    issue='getsentry/sentry-python#295',
    title='fix(celery): flush queue on worker exit',
)
def stop_drops_messages(real: Real, fanout: Any, seconds: float) -> bool:
    """The messages that wait when a worker stops are dropped."""
    return True
