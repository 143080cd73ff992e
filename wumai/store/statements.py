"""The statements of the store that the worker runs all day, for every kind of database."""

from typing import Any

from sqlalchemy import String, bindparam, case, func, insert, or_, select, update

from wumai.job import ERROR, PENDING, RUNNING
from wumai.store import schema
from wumai.store.prepared import Prepared
from wumai.store.rows import Pending
from wumai.store.schema import UtcSeconds

job = schema.job.c
CLAIM_COLUMNS = [job[name] for name in Pending._fields]

# An expression, not the column: so MySQL walks the primary key and never an index on status,
# on which it would lock, and wait for, rows that are not asked for.
status = job.status + ''

_FENCED = (
    job.id.in_(bindparam('b_ids', expanding=True)),
    status == RUNNING,
    job.result == bindparam('b_token'),
)
_WRITE = (
    update(schema.job)
    .where(*_FENCED)
    .values(
        status=bindparam('b_status'),
        error=bindparam('b_error'),
        run_at=func.coalesce(bindparam('b_run_at', type_=UtcSeconds), job.run_at),
        trys=job.trys - bindparam('b_uncount'),
        updated=bindparam('b_now'),
    )
)
WRITE_ONE_RESULT = Prepared(lambda *_: _WRITE.values(result=bindparam('b_result')))
WRITE_RESULTS = Prepared(lambda _, marks: _WRITE.values(result=_by_id(marks['b_results'])))
_OURS = (
    job.id.in_(bindparam('b_ids', expanding=True)),
    status == RUNNING,
    job.result.in_(bindparam('b_tokens', expanding=True)),
)
_HOLD = select(job.id, job.result).where(*_OURS).order_by(job.id)
HOLD_ALL = Prepared(lambda dialect, _: _HOLD if dialect == 'sqlite' else _HOLD.with_for_update())
HOLD_FREE = Prepared(lambda *_: _HOLD.with_for_update(skip_locked=True))
RENEW = Prepared(lambda *_: update(schema.job).where(*_OURS).values(updated=bindparam('b_now')))
_CANDIDATES = (
    select(job.id, job.run_at)
    .where(
        job.status == PENDING,
        or_(job.run_at.is_(None), job.run_at <= bindparam('b_until', type_=UtcSeconds)),
    )
    .order_by(job.run_at)
    .limit(bindparam('b_limit'))
    .offset(bindparam('b_offset'))
)
_CANDIDATES_OF = {
    # A number sorts before all text and would stand in the way of others until it is rewritten.
    'sqlite': _CANDIDATES.where(func.typeof(job.run_at).in_(('text', 'null'))),
    # The others put NULL, which is due at once, first by themselves.
    'postgresql': _CANDIDATES.order_by(None).order_by(job.run_at.asc().nulls_first()),
}
READ_CANDIDATES = Prepared(lambda dialect, _: _CANDIDATES_OF.get(dialect, _CANDIDATES))
_LOCK = (
    select(*CLAIM_COLUMNS)
    .where(
        job.id.in_(bindparam('b_ids', expanding=True)),
        status == PENDING,
        or_(job.run_at.is_(None), job.run_at <= bindparam('b_now', type_=UtcSeconds)),
    )
    .order_by(job.id)
    .limit(bindparam('b_limit'))
)
# SQLite has one writer at a time. Where SKIP LOCKED is unknown, a claim waits for the others, and
# sees the rows as they left them.
LOCK_ALL = Prepared(lambda dialect, _: _LOCK if dialect == 'sqlite' else _LOCK.with_for_update())
LOCK_FREE = Prepared(lambda *_: _LOCK.with_for_update(skip_locked=True))
TAKE = Prepared(
    lambda *_: (
        update(schema.job)
        .where(job.id.in_(bindparam('b_ids', expanding=True)), status == PENDING)
        .values(
            status=RUNNING,
            trys=func.coalesce(job.trys, 0) + 1,
            result=bindparam('b_token'),
            updated=bindparam('b_now'),
        )
    )
)
READ_EXPIRED = Prepared(
    lambda *_: (
        select(job.id, job.result, job.updated, job.action, job.try_max, job.trys)
        .where(
            job.status == RUNNING,
            or_(job.updated.is_(None), job.updated < bindparam('b_before', type_=UtcSeconds)),
        )
        .order_by(job.id)
        .limit(bindparam('b_limit'))
    )
)
INSERT = Prepared(lambda *_: insert(schema.job))
READ_HOLDERS = Prepared(
    lambda *_: select(job.id, job.result).where(
        job.id.in_(bindparam('b_ids', expanding=True)), job.status == RUNNING
    )
)
END_UNRUN = Prepared(
    lambda *_: (
        update(schema.job)
        .where(job.id == bindparam('b_id'), job.status == PENDING)
        .values(status=ERROR, error=bindparam('b_error'), updated=bindparam('b_now'))
    )
)
WRITE_NOTHING = update(schema.job).where(job.id == '').values(updated=job.updated)
"""What a server that takes no writes refuses, as it would a heartbeat."""


def _by_id(pairs: list[Any]) -> Any:
    """The result of each id, from marks of ids and results by turns."""
    marks = [bindparam(None, mark, type_=String()) for mark in pairs]
    return case(dict(zip(marks[::2], marks[1::2], strict=True)), value=job.id)
