"""How often a job is tried, when again, and what is tried for ever."""

from dataclasses import replace
from typing import Any

from sqlalchemy import update

from tests.zoo.base import (
    BACK_OFF,
    LOST,
    OFF_BY_ONE,
    POISON,
    SHUTDOWN,
    TWO,
    Real,
    Wrap,
    bug,
    values,
)
from wumai.job import BadParams, RunLater, Stopped
from wumai.store import schema
from wumai.worker.outcome import release

job = schema.job.c


@bug(
    'wumai.worker.outcome:failed',
    kind=OFF_BY_ONE,
    breaks=(4, 7),
    issue='film42/sidekiq-rs#39',
    title='Fix off-by-one error for max retries check',
)
def gives_up_a_try_early(real: Real, claim: Any, error: str, now: Any) -> Any:
    """The count is compared after it has grown: a job of three tries has two."""
    return real(claim._replace(trys=claim.trys + 1), error, now)


def _with_one_more(real: Real, row: Any, run_at: Any, claim: Any) -> Any:
    return real(row, run_at, claim._replace(try_max=claim.try_max + 1))


@bug(
    'wumai.worker.outcome:failed',
    kind=OFF_BY_ONE,
    breaks=(4,),
    issue='Automattic/kue#797',
    title='Attempts surpassing max attempts on delay jobs upon failure',
    also={'wumai.store.rows:_unrunnable': Wrap(_with_one_more)},
)
def has_a_try_too_many(real: Real, claim: Any, error: str, now: Any) -> Any:
    """try_max counts the retries and not the tries."""
    return real(claim._replace(try_max=claim.try_max + 1), error, now)


def _counted(real: Real, *args: Any) -> Any:
    return real(*args)._replace(uncount=False)


@bug(
    'wumai.worker.executor:decide',
    kind=SHUTDOWN,
    breaks=(4, 11),
    issue='bayesimpact/bayes-platform#794',
    title='feat(workers): graceful shutdown on SIGTERM, jobs survive a rollout',
    also={'wumai.worker.executor:release': Wrap(_counted)},
)
def stop_uses_up_a_try(real: Real, claim: Any, ending: Any, now: Any) -> Any:
    """A job that a stop hands back has one try less: a few rollouts fail it for good."""
    outcome = real(claim, ending, now)
    return outcome._replace(uncount=False) if isinstance(ending.raised, Stopped) else outcome


@bug(
    'wumai.worker.executor:decide',
    kind=OFF_BY_ONE,
    breaks=(4,),
    issue='oban-bg/oban#192',
    title='Additional perform/2 return values to control job state',
)
def waiting_uses_up_a_try(real: Real, claim: Any, ending: Any, now: Any) -> Any:
    """A job that asks to be run later has one try less each time."""
    outcome = real(claim, ending, now)
    return outcome._replace(uncount=False) if isinstance(ending.raised, RunLater) else outcome


@bug(
    'wumai.store.sql:SqlStore._move',
    kind=OFF_BY_ONE,
    breaks=(4, 5),
    issue='oban-bg/oban#446',
    title='task not failure after n attempts',
)
def retry_by_hand_has_no_try_left(
    real: Real, store: Any, job_id: str, origins: Any, changes: Any, *rest: Any
) -> Any:
    """A job that is retried by hand keeps its count of tries, so it ends unrun."""
    kept = {name: value for name, value in changes.items() if name != 'trys'}
    return real(store, job_id, origins, kept, *rest)


@bug(
    'wumai.worker.outcome:failed',
    kind=BACK_OFF,
    breaks=(7,),
    issue='timgit/pg-boss#854',
    title='retryBackoff: true with no retryDelay gives zero backoff',
)
def retry_without_a_delay(real: Real, claim: Any, error: str, now: Any) -> Any:
    """The delay of a retry is multiplied by zero."""
    return real(claim._replace(try_period=0), error, now)


@bug(
    'wumai.worker.outcome:failed',
    kind=BACK_OFF,
    breaks=(7,),
    issue='oban-bg/oban#476',
    title='Make snooze not affect default retry backoff base',
)
def delay_grows_with_the_tries(real: Real, claim: Any, error: str, now: Any) -> Any:
    """Each try doubles the delay, though it was to be the same."""
    return real(claim._replace(try_period=claim.try_period * 2 ** (claim.trys - 1)), error, now)


@bug(
    'wumai.worker.outcome:failed',
    kind=BACK_OFF,
    breaks=(7,),
    issue='quartz-scheduler/quartz#1450',
    title='Quarts job are skipped due to scheduling',
)
def delay_counts_from_the_creation(real: Real, claim: Any, error: str, now: Any) -> Any:
    """The next time is counted from the beginning, and has passed when a long try fails."""
    return real(claim, error, claim.created or now)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=LOST,
    breaks=(6, 7),
    needs=(TWO,),
    issue='rails/solid_queue#591',
    title='Need to retry jobs that died with ProcessPrunedError',
)
def lost_worker_is_final(real: Real, store: Any, row: Any, *args: Any) -> Any:
    """A job whose worker died ends in error, whatever tries are left."""
    return real(store, replace(row, trys=row.try_max), *args)


def _untried(real: Real, row: Any, run_at: Any, claim: Any) -> Any:
    return real(row, run_at, claim._replace(trys=1))


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=POISON,
    breaks=(4,),
    needs=(TWO,),
    issue='oban-bg/oban#137',
    title='Job causing BEAM crash continued to be attempted way beyond max_attempts',
    also={'wumai.store.rows:_unrunnable': Wrap(_untried)},
)
def crash_is_tried_for_ever(real: Real, store: Any, row: Any, *args: Any) -> Any:
    """A job that kills its worker is rescued for ever, beyond try_max."""
    return real(store, replace(row, trys=0), *args)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=POISON,
    breaks=(4,),
    needs=(TWO,),
    issue='collectiveidea/delayed_job#415',
    title='Same job re-run forever when memory is exhausted',
)
def crashed_try_is_not_counted(real: Real, store: Any, row: Any, *args: Any) -> bool:
    """The try in which a worker died is taken off the count."""
    rescued = bool(real(store, row, *args))
    if rescued:
        with store._writing() as connection:
            one = update(schema.job).where(job.id == row.id)
            connection.execute(one.values(trys=job.trys - 1))
    return rescued


@bug(
    'wumai.worker.executor:decide',
    kind=POISON,
    breaks=(6,),
    issue='gresrun/jesque#50',
    title='Remove unparsable jobs from the in-flight list',
)
def unreadable_job_goes_round(real: Real, claim: Any, ending: Any, now: Any) -> Any:
    """A job whose params cannot be read is handed back, and claimed again, for ever."""
    if isinstance(ending.raised, BadParams):
        return release(claim)
    return real(claim, ending, now)


class _Never(Exception):
    """Stands where an exception was to be told from others."""


values(
    'unreadable-job-is-retried',
    'A job whose params cannot be read is retried like any other failure.',
    {'wumai.worker.outcome:BadParams': _Never},
    kind=POISON,
    breaks=(6,),
    issue='sidekiq/sidekiq#3296',
    title='Move jobs with bad JSON directly to Dead set',
)
