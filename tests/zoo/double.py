"""Jobs that run twice, or on two workers at once."""

from copy import copy
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from tests.zoo import statements
from tests.zoo.base import DOUBLE, FENCE, MYSQL, RACE, TWO, Real, bug, values
from wumai.job import PENDING, RUNNING, JobRow, make_token, token_worker
from wumai.store import schema

job = schema.job.c


@bug(
    'wumai.worker.heartbeat:Leases.beat',
    kind=DOUBLE,
    breaks=(2,),
    issue='celery/celery#5935',
    title='Long running jobs redelivering after broker visibility timeout with celery and redis',
)
def long_jobs_keep_no_lease(real: Real, leases: Any, store: Any) -> float | None:
    """Nothing renews the lease of a job that takes longer."""
    return float(leases.period) if leases._running.tries else None


values(
    'heartbeat-is-slower-than-the-lease',
    'A lease is renewed when it has long been over.',
    {'wumai.worker.heartbeat:HASTE': 6.0},
    kind=DOUBLE,
    breaks=(2,),
    issue='marcoCasamento/Hangfire.Redis.StackExchange#135',
    title='Jobs in correct processing state are requeued after InvisibilityTimeout',
)


@bug(
    'wumai.worker.heartbeat:Leases.beat',
    kind=DOUBLE,
    breaks=(2,),
    needs=(TWO,),
    issue='bogardt/bullmq-rs#21',
    title='double execution when a claimed job outwaits its lock at the concurrency limit',
)
def only_handlers_keep_a_lease(real: Real, leases: Any, store: Any) -> float | None:
    """Only jobs whose handler runs are renewed, not those whose outcome waits for the database."""
    other = copy(leases)
    tries = {key: one for key, one in leases._running.tries.items() if not one.handler_ended}
    other._running = replace(leases._running, tries=tries)
    pause: float | None = real(other, store)
    return pause


@bug(
    'wumai.worker.rescue:Rescuer.__init__',
    kind=DOUBLE,
    breaks=(2,),
    needs=(TWO,),
    issue='rails/solid_queue#589',
    title='Finished jobs ending up as failed with SolidQueue::Processes::ProcessPrunedError',
)
def one_look_is_enough(real: Real, rescuer: Any, *args: Any) -> None:
    """A row past its lease is rescued as soon as it is seen, also right after an outage."""
    real(rescuer, *args)
    rescuer._third = rescuer._unchanged = 0.0


@bug(
    'wumai.worker.rescue:Rescuer.forget',
    kind=DOUBLE,
    breaks=(2,),
    needs=(TWO,),
    issue='cryoem-uoft/cryosparc-issues#235',
    title='Job killed by heartbeat but not dead causes next in queue to launch',
)
def outage_counts_as_silence(real: Real, rescuer: Any) -> None:
    """What was seen before an outage, in which no one could renew a lease, counts after it."""


@bug(
    'wumai.store.sql:SqlStore.claim',
    kind=DOUBLE,
    breaks=(2, 10),
    issue='enioka-Haute-Couture/jqm#296',
    title='should rollback() before return null in dequeue(DbConn, int)',
)
def claim_reads_back_all_that_it_holds(real: Real, store: Any, *args: Any) -> Any:
    """What a claim took is read back by the worker's name, so older jobs of it start again."""
    claimed, mine = real(store, *args), token_worker(args[2])
    if claimed.claims:
        query = select(*statements.COLUMNS).where(job.status == RUNNING)
        with store._reading() as connection:
            rows = [JobRow(*row) for row in connection.execute(query)]
        claimed.claims[:] = [
            statements.claim_of(row, row.result or '', row.trys or 1)
            for row in rows
            if token_worker(row.result) == mine
        ]
    return claimed


@bug(
    'wumai.store.sql:SqlStore.claim',
    kind=RACE,
    breaks=(2,),
    needs=(MYSQL,),
    issue='quartz-scheduler/quartz#29',
    title='Quartz Job fired twice in cluster mode',
)
def claim_without_locks_and_guard(real: Real, *args: Any) -> Any:
    """A claim reads without locks and updates by id alone: two workers take the same job."""
    return statements.claim(*args)


@bug(
    'wumai.store.sql:SqlStore.claim',
    kind=RACE,
    breaks=(1, 2),
    needs=(MYSQL, FENCE),
    issue='hangfire-postgres/Hangfire.PostgreSql#130',
    title='Jobs getting into Processing state multiple times',
)
def claim_does_not_count_its_rows(real: Real, *args: Any) -> Any:
    """A claim reads without locks, updates with a guard, and runs all that it had read."""
    return statements.claim(*args, job.status == PENDING)


values(
    'all-workers-sign-alike',
    'Workers in containers sign their claims with the same name and number.',
    {'wumai.worker.loop:make_token': lambda *_: make_token('worker:1', '0')},
    kind=RACE,
    breaks=(2, 3),
    needs=(TWO, FENCE),
    issue='rq/rq#1854',
    title='Job is pick up by two worker',
)
