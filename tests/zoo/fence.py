"""Writes about a running job by one that no longer holds it, and commits in doubt."""

from typing import Any

from tests.zoo import statements
from tests.zoo.base import DOUBT, FENCE, STALE, TELLING, TWO, Real, Wrap, bug
from wumai.job import RUNNING
from wumai.store import schema
from wumai.store.base import Fences

job = schema.job.c


@bug(
    'wumai.store.sql:SqlStore.write',
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='oban-bg/oban#532',
    title='Oban Producer terminated: new row violates check constraint "attempt_range"',
)
def outcome_without_the_token(real: Real, store: Any, outcomes: Any, now: Any) -> set[str]:
    """The outcome of a late try is written over the try that runs now."""
    return statements.write(store, outcomes, now, job.status == RUNNING)


@bug(
    'wumai.store.sql:SqlStore.write',
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='grantcarthew/node-rethinkdb-job-queue#82',
    title='canceling a job while its active still makes the final status as "completed"',
)
def outcome_whatever_the_status(real: Real, store: Any, outcomes: Any, now: Any) -> set[str]:
    """The outcome of a late try is written over a job that was cancelled or has ended."""
    return statements.write(store, outcomes, now)


@bug(
    'wumai.store.sql:SqlStore.renew',
    kind=STALE,
    breaks=(3,),
    needs=(TWO, FENCE),
    issue='raisedapp/Hangfire.Storage.SQLite#75',
    title='Add Support for Sliding Invisibility Timeouts',
)
def heartbeat_without_the_token(real: Real, store: Any, fences: Any, now: Any) -> Any:
    """A worker that has lost a job goes on renewing it, and never hears that it is lost."""
    return statements.renew(store, fences, now, job.status == RUNNING)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='riverqueue/river#1302',
    title='JobRescuer can overwrite a job that completed after the stuck-job fetch',
)
def rescue_of_a_job_that_has_ended(
    real: Real, store: Any, row: Any, before: Any, now: Any, *rest: Any
) -> bool:
    """A rescue goes by what was read before, and overwrites an outcome that came in between."""
    return statements.rescue(store, row, now)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=STALE,
    breaks=(2, 3),
    needs=(TWO, FENCE),
    issue='riverqueue/river#1373',
    title='Guard job rescue against stale snapshots',
)
def rescue_of_another_claim(
    real: Real, store: Any, row: Any, before: Any, now: Any, *rest: Any
) -> bool:
    """A rescue looks at the status alone, and takes a job that was claimed anew in between."""
    return statements.rescue(store, row, now, job.status == RUNNING)


@bug(
    'wumai.store.sql:SqlStore.write',
    kind=STALE,
    breaks=(3, 9),
    needs=(TWO, FENCE),
    issue='rails/solid_queue#589',
    title='Finished jobs ending up as failed with SolidQueue::Processes::ProcessPrunedError',
)
def late_outcomes_count_as_written(real: Real, store: Any, outcomes: Any, now: Any) -> set[str]:
    """A write that met no row does not raise, so that the outcome counts as stored and is told."""
    real(store, outcomes, now)
    return {one.id for one in outcomes}


@bug(
    'wumai.store.sql:SqlStore.renew',
    kind=STALE,
    breaks=(2, 3),
    needs=(TWO, FENCE),
    issue='riverqueue/river#1135',
    title='Discarded job continues execution (context not cancelled)',
)
def lost_leases_stop_no_handler(real: Real, *args: Any) -> tuple[Fences, Fences]:
    """Nobody tells a handler that its job was rescued or cancelled: it runs on."""
    renewed, _lost = real(*args)
    return renewed, set()


@bug(
    'wumai.worker.loop:make_token',
    kind=STALE,
    breaks=(3,),
    needs=(TWO, FENCE),
    issue='postalserver/postal#3627',
    title='WorkerRole lock is shared when containers have the same hostname and PID',
)
def token_names_the_worker_only(real: Real, worker: str, nonce: str) -> str:
    """All claims of a worker look alike, so that a late try of it passes for the new one."""
    return str(real(worker, '0'))


# Commits in doubt


@bug(
    'wumai.store.sql:SqlStore.held',
    kind=DOUBT,
    breaks=(1, 2),
    needs=(TWO, FENCE),
    issue='ClickHouse/ClickHouse#37398',
    title='Fixes for transactions',
)
def claim_in_doubt_has_taken_all(real: Real, store: Any, ids: Any, token: str) -> list[Any]:
    """A connection that is lost at the commit of a claim is ignored: all of it is run."""
    rows = [row for row in map(store.get_job, sorted(ids)) if row]
    return [statements.claim_of(row, token, row.trys or 1) for row in rows]


@bug(
    'wumai.store.sql:SqlStore.written',
    kind=DOUBT,
    breaks=(2, 6),
    needs=(TWO, FENCE),
    issue='ClickHouse/ClickHouse#37398',
    title='Fixes for transactions',
)
def outcome_in_doubt_is_stored(real: Real, store: Any, outcomes: Any) -> Any:
    """A connection that is lost at the commit of an outcome is ignored, stored or not."""
    return {one.id for one in outcomes}, set()


@bug(
    'wumai.store.sql:SqlStore.written',
    kind=DOUBT,
    breaks=(9,),
    needs=(TWO, FENCE),
    issue='dotnet/efcore#22904',
    title='Transaction commit failure: avoid retry by default?',
)
def outcome_in_doubt_is_not_stored(real: Real, store: Any, outcomes: Any) -> Any:
    """An outcome whose commit is in doubt is written again: it comes late then, and is not told."""
    return set(), {one.id for one in outcomes}


def _certain(real: Real, error: Any, **_: Any) -> Any:
    return real(error)


@bug(
    'wumai.store.transaction:translate',
    kind=DOUBT,
    breaks=(5, 9),
    needs=(TWO, FENCE),
    issue='vitessio/vitess#2085',
    title='worker: Retry writes if the MySQL error code is 2013 ("Lost connection")',
    also={'wumai.store.sqlite:translate': Wrap(_certain)},
)
def nothing_is_in_doubt(real: Real, error: Any, **_: Any) -> Any:
    """A connection that is lost at a commit counts as one that was lost before it."""
    return real(error)


@bug(
    'wumai.worker.rescue:Rescuer.settle',
    kind=TELLING,
    breaks=(9,),
    needs=(TWO, FENCE),
    issue='docling-project/docling-jobkit#102',
    title='fix: recover orphaned job status when worker pod is killed mid-execution',
)
def rescue_in_doubt_is_not_told(real: Real, rescuer: Any) -> None:
    """A rescue whose commit is in doubt is not looked after: it has happened and nobody is told."""
    rescuer._in_doubt.clear()
