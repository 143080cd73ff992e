"""Jobs that wait while there is room, work without end, and what is never given back."""

from typing import Any

from sqlalchemy import or_, select

from tests.zoo.base import DOUBT, LEAK, MYSQL, STARVATION, Real, bug, values
from wumai.job import PENDING
from wumai.store import schema
from wumai.store.base import Candidate
from wumai.worker.ahead import WINDOW

job = schema.job.c


@bug(
    'wumai.store.sql:SqlStore.candidates',
    kind=STARVATION,
    breaks=('fairness', 7),
    issue='taskcluster/taskcluster#9131',
    title='Prevent starvation in resource-constrained worker pools',
)
def newest_first(
    real: Real, store: Any, until: Any, limit: int, offset: int = 0
) -> list[Candidate]:
    """What became due last runs first, so that older jobs wait while newer ones come."""
    due = or_(job.run_at.is_(None), job.run_at <= until)
    query = select(job.id, job.run_at).where(job.status == PENDING, due)
    query = query.order_by(job.run_at.desc())
    with store._reading() as connection:
        rows = connection.execute(query.limit(limit).offset(offset)).all()
    return [Candidate(*row) for row in rows]


@bug(
    'wumai.store.sql:SqlStore.candidates',
    kind=STARVATION,
    breaks=(7,),
    issue='PrefectHQ/prefect#19403',
    title='Flow runs waiting for deployment concurrency limit congest work queue',
)
def waiting_jobs_hide_due_ones(
    real: Real, store: Any, until: Any, limit: int, offset: int = 0
) -> list[Candidate]:
    """The oldest pending jobs are read, and only then those that are not due are left out."""
    oldest = select(job.id, job.run_at).where(job.status == PENDING).order_by(job.id)
    with store._reading() as connection:
        rows = connection.execute(oldest.limit(max(1, limit // WINDOW)).offset(offset)).all()
    return [Candidate(*row) for row in rows if row.run_at is None or row.run_at <= until]


values(
    'contended-worker-does-not-rest',
    'A worker that finds all due rows locked by others asks again at once, and again.',
    {'wumai.worker.loop:CONTENDED_PAUSE': 0.0},
    kind=STARVATION,
    breaks=('bounded work',),
    needs=(MYSQL,),
    issue='FirebaseExtended/firebase-queue#5',
    title='Better handling of malformed queue items',
)


@bug(
    'wumai.worker.running:Running.free',
    kind=STARVATION,
    breaks=(10,),
    issue='vsivsi/meteor-job-collection#82',
    title='concurrency setting ignored?',
)
def exec_size_is_ignored(real: Real, running: Any) -> int:
    """A worker takes more jobs than it has places."""
    return int(running.places)


@bug(
    'wumai.store.sql:SqlStore.candidates',
    kind=LEAK,
    breaks=('leaks', 5),
    issue='kagkarlsson/db-scheduler#180',
    title='Hickari CP and connection leak',
)
def idle_look_keeps_its_connection(real: Real, store: Any, until: Any, limit: int) -> Any:
    """A look at the table that finds nothing does not give its connection back."""
    found = real(store, until, limit)
    if not found:
        store.__dict__.setdefault('kept', []).append(store.engine.connect())
    return found


@bug(
    'wumai.worker.loop:Loop._claim',
    kind=LEAK,
    breaks=(5, 7),
    issue='PrefectHQ/prefect#15952',
    title='Worker concurrency count getting stuck when aborting flow run submission',
)
def lost_race_costs_a_place(real: Real, loop: Any, ids: Any, *args: Any) -> Any:
    """A job that another worker was faster to claim takes up a place for ever."""
    claimed = real(loop, ids, *args)
    loop._running.places -= len(ids) - len(claimed.claims) - len(claimed.ended)
    return claimed


@bug(
    'wumai.store.sql:SqlStore.insert_jobs',
    kind=DOUBT,
    breaks=(6,),
    issue='nebari-dev/nebi#312',
    title='Workspace creation enqueues jobs inside DB transaction',
)
def job_is_stored_apart_from_its_transaction(
    real: Real, store: Any, rows: Any, connection: Any = None
) -> None:
    """A job that is made in a transaction is there before its commit, and after its rollback."""
    real(store, rows, None)
