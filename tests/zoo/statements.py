"""Statements of the store as bugs send them; they hang on nothing of how the store is built."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from wumai.job import (
    ERROR,
    PENDING,
    RUNNING,
    WORKER_LOST,
    Claim,
    Expired,
    JobRow,
    Outcome,
    effective_try_max,
    effective_try_period,
)
from wumai.store import schema
from wumai.store.base import Claimed

job = schema.job.c
COLUMNS = [job[name] for name in JobRow.__slots__]


def claim_of(row: JobRow, token: str, trys: int) -> Claim:
    """The claim of `row` whose try has the number `trys`."""
    return Claim(
        id=row.id,
        token=token,
        action=row.action,
        project_id=row.project_id,
        params=row.params,
        created=row.created,
        try_period=effective_try_period(row.try_period),
        try_max=effective_try_max(row.try_max),
        trys=trys,
    )


def claim(
    store: Any, ids: Any, limit: int, token: str, now: datetime, *guard: ColumnElement[bool]
) -> Claimed:
    """A claim that reads without locks, and whose UPDATE is guarded by `guard` alone."""
    due = or_(job.run_at.is_(None), job.run_at <= now)
    wanted = (job.id.in_(sorted(ids)), job.status == PENDING, due)
    query = select(*COLUMNS).where(*wanted).order_by(job.id).limit(limit)
    with store._writing() as connection:
        rows = [JobRow(*row) for row in connection.execute(query)]
        used_up = [row for row in rows if (row.trys or 0) >= effective_try_max(row.try_max)]
        taken = [row for row in rows if row not in used_up]
        for row in used_up:
            end = update(schema.job).where(job.id == row.id)
            connection.execute(end.values(status=ERROR, error='no try is left', updated=now))
        for row in taken:
            take = update(schema.job).where(job.id == row.id, *guard)
            trys = func.coalesce(job.trys, 0) + 1
            connection.execute(take.values(status=RUNNING, trys=trys, result=token, updated=now))
    claims = [claim_of(row, token, (row.trys or 0) + 1) for row in taken]
    return Claimed(claims, [(row.id, 'no try is left') for row in used_up])


def write(
    store: Any, outcomes: Sequence[Outcome], now: datetime, *fence: ColumnElement[bool]
) -> set[str]:
    """Outcomes, written where `fence` holds."""
    written = set()
    with store._writing() as connection:
        for one in sorted(outcomes, key=lambda outcome: outcome.id):
            values = {
                'status': one.status,
                'error': one.error,
                'result': one.result,
                'trys': job.trys - int(one.uncount),
                'updated': now,
                **({'run_at': one.run_at} if one.run_at else {}),
            }
            statement = update(schema.job).where(job.id == one.id, *fence).values(values)
            if connection.execute(statement).rowcount:
                written.add(one.id)
    return written


def renew(store: Any, fences: Any, now: datetime, *fence: ColumnElement[bool]) -> Any:
    """Leases: those renewed, where `fence` holds, and those that were not."""
    renewed, lost = set(), set()
    for job_id, token in sorted(fences):
        statement = update(schema.job).where(job.id == job_id, *fence).values(updated=now)
        with store._writing() as connection:
            found = connection.execute(statement).rowcount
            (renewed if found else lost).add((job_id, token))
    return renewed, lost


def rescue(store: Any, row: Expired, now: datetime, *fence: ColumnElement[bool]) -> bool:
    """A rescue of `row`, done where `fence` holds."""
    used_up = row.trys >= row.try_max
    values = {
        'status': ERROR if used_up else PENDING,
        'error': WORKER_LOST,
        'result': None,
        'run_at': job.run_at if used_up else now,
        'updated': now,
    }
    statement = update(schema.job).where(job.id == row.id, *fence).values(values)
    with store._writing() as connection:
        return bool(connection.execute(statement).rowcount)
