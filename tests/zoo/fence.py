"""Writes about a running job by one that no longer holds it, and commits in doubt."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, update

from tests.zoo.base import DOUBT, FENCE, STALE, TELLING, TWO, Real, bug, values
from wumai.job import ERROR, PENDING, RUNNING, WORKER_LOST, Expired
from wumai.store import schema, sql
from wumai.store.schema import UtcSeconds

job = schema.job.c
_ANY_TOKEN = bindparam('b_token').is_not(None)


def _write_where(*conditions: ColumnElement[bool]) -> dict[str, Any]:
    """The statements that write outcomes, fenced by other conditions."""
    write = (
        update(schema.job)
        .where(job.id.in_(bindparam('b_ids', expanding=True)), *conditions)
        .values(
            status=bindparam('b_status'),
            error=bindparam('b_error'),
            run_at=func.coalesce(bindparam('b_run_at', type_=UtcSeconds), job.run_at),
            trys=job.trys - bindparam('b_uncount'),
            updated=bindparam('b_now'),
        )
    )
    return {
        'wumai.store.sql:_WRITE': write,
        'wumai.store.sql:_WRITE_ONE_RESULT': write.values(result=bindparam('b_result')),
    }


values(
    'outcome-without-the-token',
    'The outcome of a late try is written over the try that runs now.',
    _write_where(sql._status == RUNNING, _ANY_TOKEN),
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='oban-bg/oban#532',
    title='Oban Producer terminated: new row violates check constraint "attempt_range"',
)

values(
    'outcome-whatever-the-status',
    'The outcome of a late try is written over a job that was cancelled or has ended.',
    _write_where(_ANY_TOKEN),
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='grantcarthew/node-rethinkdb-job-queue#82',
    title='canceling a job while its active still makes the final status as "completed"',
)

values(
    'heartbeat-without-the-token',
    'A worker that has lost a job goes on renewing it, and never hears that it is lost.',
    {
        'wumai.store.sql:_RENEW': update(schema.job)
        .where(job.id.in_(bindparam('b_ids', expanding=True)), sql._status == RUNNING, _ANY_TOKEN)
        .values(updated=bindparam('b_now'))
    },
    kind=STALE,
    breaks=(3,),
    needs=(TWO, FENCE),
    issue='raisedapp/Hangfire.Storage.SQLite#75',
    title='Add Support for Sliding Invisibility Timeouts',
)


def _rescue(store: Any, row: Expired, now: Any, *conditions: ColumnElement[bool]) -> bool:
    used_up = row.trys >= row.try_max
    statement = (
        update(schema.job)
        .where(job.id == row.id, *conditions)
        .values(
            status=ERROR if used_up else PENDING,
            error=WORKER_LOST,
            result=None,
            run_at=job.run_at if used_up else now,
            updated=now,
        )
    )
    with store._writing() as connection:
        return bool(connection.execute(statement).rowcount)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=STALE,
    breaks=(3, 6),
    needs=(TWO, FENCE),
    issue='riverqueue/river#1302',
    title='JobRescuer can overwrite a job that completed after the stuck-job fetch',
)
def rescue_of_a_job_that_has_ended(real: Real, store: Any, row: Any, before: Any, now: Any) -> bool:
    """A rescue goes by what was read before, and overwrites an outcome that came in between."""
    return _rescue(store, row, now)


@bug(
    'wumai.store.sql:SqlStore.rescue',
    kind=STALE,
    breaks=(2, 3),
    needs=(TWO, FENCE),
    issue='riverqueue/river#1373',
    title='Guard job rescue against stale snapshots',
)
def rescue_of_another_claim(real: Real, store: Any, row: Any, before: Any, now: Any) -> bool:
    """A rescue looks at the status alone, and takes a job that was claimed anew in between."""
    return _rescue(store, row, now, job.status == RUNNING)


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
def lost_leases_stop_no_handler(real: Real, *args: Any) -> set[tuple[str, str]]:
    """Nobody tells a handler that its job was rescued or cancelled: it runs on."""
    real(*args)
    return set()


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
    rows = [sql._values(row) for row in map(store.get_job, sorted(ids)) if row]
    return [sql._to_claim(row | {'trys': (row['trys'] or 1) - 1}, token) for row in rows]


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


@bug(
    'wumai.store.sql:translate',
    kind=DOUBT,
    breaks=(5, 9),
    needs=(TWO, FENCE),
    issue='vitessio/vitess#2085',
    title='worker: Retry writes if the MySQL error code is 2013 ("Lost connection")',
)
def nothing_is_in_doubt(real: Real, error: Any, *, committing: bool = False) -> Any:
    """A connection that is lost at a commit counts as one that was lost before it."""
    return real(error)


@bug(
    'wumai.worker.rescue:Rescuer._settle',
    kind=TELLING,
    breaks=(9,),
    needs=(TWO, FENCE),
    issue='docling-project/docling-jobkit#102',
    title='fix: recover orphaned job status when worker pod is killed mid-execution',
)
def rescue_in_doubt_is_not_told(real: Real, rescuer: Any) -> None:
    """A rescue whose commit is in doubt is not looked after: it has happened and nobody is told."""
    rescuer._in_doubt.clear()
