"""Jobs that are lost, or stay where they are for ever."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from tests.zoo.base import FENCE, LOST, MYSQL, STUCK, TWO, Real, bug
from wumai.job import ERROR, PENDING, Outcome
from wumai.store import schema
from wumai.store.db_errors import Busy, StoreError, Unavailable
from wumai.worker.actions import UnknownAction
from wumai.worker.backoff import LONGEST

job = schema.job.c


def _forget(writer: Any, group: Any) -> None:
    for entry in group:
        entry.running.settled = True
        writer._running.remove(entry.running)


@bug(
    'wumai.worker.writer:OutcomeWriter._attempt',
    kind=LOST,
    breaks=(2, 6),
    needs=(TWO, MYSQL),
    issue='collectiveidea/delayed_job#997',
    title='MySQL deadlock when a job is complete',
)
def outcome_forgotten_at_a_deadlock(real: Real, writer: Any, group: Any) -> None:
    """A deadlock or lock wait at the write of an outcome ends that write for good."""
    try:
        real(writer, group)
    except Busy:
        _forget(writer, group)


@bug(
    'wumai.worker.writer:OutcomeWriter._attempt',
    kind=LOST,
    breaks=(2, 6),
    needs=(TWO,),
    issue='quartz-scheduler/quartz#1087',
    title='Quartz still blocked job when lost connection with db',
)
def outcome_forgotten_in_an_outage(real: Real, writer: Any, group: Any) -> None:
    """An outcome that meets a database that is away is never written."""
    try:
        real(writer, group)
    except Unavailable:
        _forget(writer, group)


@bug(
    'wumai.store.sql:SqlStore.write',
    kind=LOST,
    breaks=(6,),
    needs=(TWO,),
    issue='laravel/ideas#1364',
    title='Making `DatabaseQueue` production-ready',
)
def release_deletes_and_inserts(real: Real, store: Any, outcomes: Any, now: Any) -> set[str]:
    """A release deletes the row in one transaction and inserts it again in another."""
    written: set[str] = real(store, [one for one in outcomes if not one.uncount], now)
    for one in (one for one in outcomes if one.uncount):
        row = store.get_job(one.id)
        with store._writing() as connection:
            held = delete(schema.job).where(job.id == one.id, job.result == one.token)
            deleted = connection.execute(held).rowcount
        if deleted:
            back = replace(row, status=PENDING, result=None, trys=row.trys - 1)
            store.insert_jobs([replace(back, run_at=one.run_at or row.run_at, updated=now)])
            written.add(one.id)
    return written


@bug(
    'wumai.worker.executor:decide',
    kind=LOST,
    breaks=(6, 7),
    needs=(TWO,),
    issue='celery/celery#6485',
    title='Celery Received unregistered task of type',
)
def unknown_action_is_discarded(real: Real, claim: Any, ending: Any, now: Any) -> Any:
    """A worker of an older version ends the jobs of actions that it does not know."""
    if isinstance(ending.raised, UnknownAction):
        return Outcome(claim.id, claim.token, ERROR, error=str(ending.raised))
    return real(claim, ending, now)


@bug(
    'wumai.worker.ahead:_is_due',
    kind=LOST,
    breaks=(5,),
    issue='lightdash/lightdash#12838',
    title='fix: generate jobs starting at midnight, even when scheduler is delayed',
)
def what_is_overdue_is_forgotten(real: Real, candidate: Any, now: Any) -> bool:
    """A job that was due more than ten seconds ago is not looked at any more."""
    run_at = candidate.run_at
    return bool(real(candidate, now)) and (run_at is None or run_at > now - timedelta(seconds=10))


@bug(
    'wumai.store.sql:SqlStore.candidates',
    kind=LOST,
    breaks=(1, 5),
    issue='gottscj/Hangfire.Mongo#224',
    title='Failed jobs are never executed again if InvisibilityTimeout is not set',
)
def null_is_never_due(real: Real, store: Any, until: Any, limit: int) -> Any:
    """NULL compares with no time, so a row without run_at is never found."""
    return [one for one in real(store, until, limit) if one.run_at is not None]


@bug(
    'wumai.worker.rescue:Rescuer.look',
    kind=STUCK,
    breaks=(5,),
    needs=(TWO,),
    issue='sidekiq/sidekiq#6829',
    title='Running jobs disappear after SIGKILL',
)
def nobody_rescues(real: Real, rescuer: Any) -> None:
    """The jobs of a worker that was killed are never taken back."""


@bug(
    'wumai.store.sql:SqlStore.expired',
    kind=STUCK,
    breaks=(5,),
    issue='procrastinate-org/procrastinate#1518',
    title='Jobs permanently stuck in "doing" — two scenarios with no recovery mechanism',
)
def running_row_without_a_lease_is_invisible(real: Real, *args: Any) -> Any:
    """A running row that has no lease at all is never found, so nobody rescues it."""
    return [row for row in real(*args) if row.updated is not None]


def _host(worker: str) -> str:
    return re.split('[:#]', worker)[0]


@bug(
    'wumai.worker.rescue:Rescuer._look_again',
    kind=STUCK,
    breaks=(5,),
    issue='procrastinate-org/procrastinate#1518',
    title='Jobs permanently stuck in "doing" — two scenarios with no recovery mechanism',
)
def restarted_worker_takes_old_rows_for_its_own(real: Real, rescuer: Any, *args: Any) -> Any:
    """A worker that comes back under its old name thinks that it still runs what died with it."""
    mine = _host(rescuer._runtime.worker_name)
    seen = real(rescuer, *args)
    return {one: known for one, known in seen.items() if _host(known[0].worker or '') != mine}


@bug(
    'wumai.worker.loop:Loop._guarded_turn',
    kind=STUCK,
    breaks=(5, 12),
    issue='enioka-Haute-Couture/jqm#496',
    title='Queue poller has failed! It will stop. ... and never restart',
)
def loop_ends_at_an_error(real: Real, loop: Any) -> float:
    """The first error of the database ends the loop."""
    return float(loop._turn())


@bug(
    'wumai.worker.loop:Loop._guarded_turn',
    kind=STUCK,
    breaks=(5, 12),
    issue='graphile/worker#185',
    title='Worker fails to poll database for messages after loosing the DB connection',
)
def loop_ends_after_a_long_outage(real: Real, loop: Any) -> float:
    """A loop that has failed eight times in a row gives up, while its process goes on."""
    pause = float(real(loop))
    if loop._backoff._pause >= LONGEST:
        loop._stopping = True
    return pause


@bug(
    'wumai.worker.writer:OutcomeWriter._write',
    kind=STUCK,
    breaks=(5, 12),
    issue='collectiveidea/delayed_job#774',
    title='Worker crashes when there is an error updating a failed job',
)
def writer_dies_of_an_error(real: Real, writer: Any, group: Any) -> None:
    """The greenlet that writes outcomes ends with the first write that fails."""
    writer._attempt(group)
    writer._writing = []


@bug(
    'wumai.worker.heartbeat:Leases.beat',
    kind=STUCK,
    breaks=(2, 12),
    needs=(TWO,),
    issue='resque/resque#1883',
    title='start_heartbeat can die while worker is still running',
)
def heartbeat_dies_of_an_error(real: Real, leases: Any, store: Any) -> float | None:
    """After one failure the heartbeat never beats again, though its worker goes on."""
    try:
        store.ping()
    except StoreError:
        return 1e9
    pause: float | None = real(leases, store)
    return pause


@bug(
    'wumai.worker.loop:Loop._settle',
    kind=LOST,
    breaks=(5,),
    needs=(TWO, FENCE),
    issue='laravel/horizon#612',
    title='Queue Job just sat pending until the timeout duration passed',
)
def claim_in_doubt_has_taken_nothing(real: Real, *args: Any) -> list[Any]:
    """A claim whose answer was lost is taken for none: its jobs run under a worker that forgot."""
    return []
