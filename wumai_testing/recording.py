"""A store that writes down what it did: the production statements, and a timeline of them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from wumai.job import Claim, Expired, JobRow, Outcome
from wumai.store.base import Claimed
from wumai.store.sql import SqlStore
from wumai_testing.timeline import Timeline


class RecordingStore(SqlStore):
    """Each method is production's; what it changed becomes an event of `worker`."""

    def __init__(self, engine: Engine, timeline: Timeline, worker: str | None) -> None:
        super().__init__(engine)
        self._timeline = timeline
        self._worker = worker

    def _note(self, kind: str, job: str, **detail: object) -> None:
        self._timeline.add(kind, worker=self._worker, job=job, **detail)

    def insert_jobs(
        self, rows: Sequence[JobRow], connection: Connection | Session | None = None
    ) -> None:
        super().insert_jobs(rows, connection)
        for row in rows:
            self._note('create', row.id, action=row.action, run_at=row.run_at)

    def claim(self, ids: Iterable[str], limit: int, token: str, now: datetime) -> Claimed:
        claimed = super().claim(ids, limit, token, now)
        self._claimed(claimed.claims)
        for job_id, reason in claimed.ended:
            self._note('unrun', job_id, reason=reason)
        return claimed

    def held(self, ids: Iterable[str], token: str) -> list[Claim]:
        claims = super().held(ids, token)
        self._claimed(claims)
        return claims

    def _claimed(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._note('claim', claim.id, action=claim.action, n=claim.trys, m=claim.try_max)

    def write(self, outcomes: Sequence[Outcome], now: datetime) -> set[str]:
        written = super().write(outcomes, now)
        self._outcomes(outcomes, written, {outcome.id for outcome in outcomes} - written)
        return written

    def written(self, outcomes: Sequence[Outcome]) -> tuple[set[str], set[str]]:
        written, held = super().written(outcomes)
        self._outcomes(outcomes, written, {o.id for o in outcomes} - written - held)
        return written, held

    def _outcomes(self, outcomes: Iterable[Outcome], written: set[str], dropped: set[str]) -> None:
        for outcome in outcomes:
            if outcome.id in written:
                error = (outcome.error or '').partition('\n')[0] or None
                kind = 'release' if outcome.uncount else 'outcome'
                self._note(
                    kind, outcome.id, status=outcome.status, error=error, run_at=outcome.run_at
                )
            elif outcome.id in dropped:
                self._note('dropped', outcome.id, status=outcome.status)

    def rescue(
        self,
        row: Expired,
        before: datetime,
        now: datetime,
        in_time: Callable[[], bool] = lambda: True,
    ) -> bool:
        rescued = super().rescue(row, before, now, in_time)
        if rescued:
            gave_up = row.trys >= row.try_max
            self._note('rescue', row.id, owner=row.worker, status='error' if gave_up else 'pending')
        return rescued

    def cancel(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        cancelled = super().cancel(job_id, now, connection)
        if cancelled:
            self._note('cancel', job_id)
        return cancelled

    def retry(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        retried = super().retry(job_id, now, connection)
        if retried:
            self._note('retry', job_id)
        return retried
