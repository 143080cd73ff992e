"""The store over SQLAlchemy: one set of statements, for every kind of database.

What differs between them is small: how rows are locked for a claim (see `LOCK_ALL`),
and how a transaction begins on SQLite (sqlite.py).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from wumai.job import (
    CANCELLED,
    ERROR,
    PENDING,
    RUNNING,
    WORKER_LOST,
    Claim,
    Expired,
    JobRow,
    Outcome,
    effective_try_max,
    whole_number,
)
from wumai.store import odd_times, schema
from wumai.store.base import Candidate, Claimed, Fences, JobFilter
from wumai.store.columns import ColumnLimits
from wumai.store.prepared import padded, stamp
from wumai.store.rows import (
    NAMES,
    Pending,
    alike,
    holds,
    inserted,
    no_time,
    row_of,
    shows,
    sort_out,
    text_of,
    time_of,
    to_claim,
    values_of,
)
from wumai.store.statements import (
    CLAIM_COLUMNS,
    END_UNRUN,
    HOLD_ALL,
    HOLD_FREE,
    INSERT,
    LOCK_ALL,
    LOCK_FREE,
    READ_CANDIDATES,
    READ_EXPIRED,
    READ_HOLDERS,
    RENEW,
    TAKE,
    WRITE_NOTHING,
    WRITE_ONE_RESULT,
    WRITE_RESULTS,
    job,
    status,
)
from wumai.store.transaction import Pooled, Transaction, Transactions

_JOB_COLUMNS = [job[name] for name in JobRow.__slots__]


class SqlStore(Transactions):
    """See store/base.py, which is the contract."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.limits = ColumnLimits(engine)
        self._dialect = engine.dialect.name

    # The application's side

    def insert_jobs(
        self, rows: Sequence[JobRow], connection: Connection | Session | None = None
    ) -> None:
        if connection is not None:  # of an app's own engine, perhaps
            self._insert(schema.job, [values_of(row) for row in rows], connection)
            return
        dialect = self._dialect
        with self._prepared() as work:
            work.insert(INSERT, NAMES, [inserted(row, dialect) for row in rows])

    def get_job(self, job_id: str, connection: Connection | Session | None = None) -> JobRow | None:
        query = select(*_JOB_COLUMNS).where(job.id == job_id)
        with self._reading(connection) as reading:
            row = reading.execute(query).first()
        return row_of(row) if row else None

    def list_jobs(
        self, wanted: JobFilter, connection: Connection | Session | None = None
    ) -> list[JobRow]:
        query: Select[Any] = select(*_JOB_COLUMNS).limit(wanted.limit)
        for name in ('status', 'action', 'project_id'):
            if (value := getattr(wanted, name)) is not None:
                query = query.where(job[name] == value)
        if wanted.after is not None:
            query = query.where(
                job.id < wanted.after if wanted.newest_first else job.id > wanted.after
            )
        query = query.order_by(job.id.desc() if wanted.newest_first else job.id)
        with self._reading(connection) as reading:
            return [row_of(row) for row in reading.execute(query)]

    def insert_operation(
        self, values: dict[str, Any], connection: Connection | Session | None = None
    ) -> None:
        self._insert(schema.operation, [values], connection)

    def cancel(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        values = {'status': ERROR, 'error': CANCELLED, 'result': None, 'updated': now}
        return self._move(job_id, (PENDING, RUNNING), values, connection)

    def retry(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        values = {'status': PENDING, 'trys': 0, 'result': None, 'run_at': now, 'updated': now}
        return self._move(job_id, (ERROR,), values, connection)

    def prune(
        self, statuses: Sequence[str], before: datetime, after: str, limit: int
    ) -> tuple[str | None, int]:
        ended = (job.status.in_(statuses), job.updated < before)
        # Found without locks, by walking the primary key; then deleted by it.
        query = select(job.id).where(job.id > after, *ended).order_by(job.id).limit(limit)
        with self._reading() as connection:
            ids = list(connection.execute(query).scalars())
        if not ids:
            return None, 0
        still = (job.id.in_(ids), (job.status + '').in_(statuses), job.updated < before)
        with self._writing() as connection:
            count = connection.execute(delete(schema.job).where(*still)).rowcount
        return ids[-1] if len(ids) == limit else None, count

    def _move(
        self,
        job_id: str,
        origins: Sequence[str],
        values: dict[str, Any],
        connection: Connection | Session | None,
    ) -> bool:
        statement = update(schema.job).where(job.id == job_id, status.in_(origins))
        with self._writing(connection) as writing:
            return bool(writing.execute(statement.values(values)).rowcount)

    def _insert(
        self, table: Any, rows: list[dict[str, Any]], connection: Connection | Session | None
    ) -> None:
        with self._writing(connection) as writing:
            writing.execute(insert(table), rows)

    # The worker's side: claims

    def candidates(self, until: datetime, limit: int, offset: int = 0) -> list[Candidate]:
        values = {'b_until': self._stamp(until), 'b_limit': limit, 'b_offset': offset}
        with self._prepared(reads=True) as work:
            rows = work.rows(READ_CANDIDATES, values)
        return [Candidate(job_id, time_of(run_at)) for job_id, run_at in rows]

    def claim(self, ids: Iterable[str], limit: int, token: str, now: datetime) -> Claimed:
        values = {'b_ids': padded(sorted(ids)), 'b_limit': limit, 'b_now': self._stamp(now)}
        with self._prepared() as work:
            lock = LOCK_FREE if self._skips_locked(work) else LOCK_ALL
            claimed = sort_out(work.rows(lock, values), token, now)
            for job_id, reason in claimed.ended:
                self._end_unrun(work, job_id, reason, now)
            if claimed.claims:
                self._take(work, claimed, token, now)
        return claimed

    def _skips_locked(self, work: Transaction) -> bool:
        if isinstance(work, Pooled) and self._dialect != 'sqlite':
            return self.limits.skips_locked(work.connection)
        return False

    def _take(self, work: Transaction, claimed: Claimed, token: str, now: datetime) -> None:
        ids = [claim.id for claim in claimed.claims]
        values = {'b_ids': padded(ids), 'b_token': token, 'b_now': self._stamp(now)}
        if work.count(TAKE, values) != len(ids):
            ours = self._holders(work, {(job_id, token) for job_id in ids})
            claimed.claims[:] = [one for one in claimed.claims if (one.id, token) in ours]

    def rewrite_times(self, now: datetime) -> list[tuple[str, str]]:
        if self.engine.dialect.name != 'sqlite':
            return []
        with self._writing() as connection:
            odd_times.leases(connection)
            ended = [(job_id, no_time(value)) for job_id, value in odd_times.due_times(connection)]
            for job_id, reason in ended:
                self._end_unrun(Pooled(connection), job_id, reason, now)
        return ended

    def end_unread(self, job_id: str, reason: str, now: datetime) -> None:
        """End a pending row that could not even be read."""
        with self._prepared() as work:
            self._end_unrun(work, job_id, reason, now)

    def _end_unrun(self, work: Transaction, job_id: str, reason: str, now: datetime) -> None:
        work.count(END_UNRUN, {'b_id': job_id, 'b_error': reason, 'b_now': self._stamp(now)})

    def held(self, ids: Iterable[str], token: str) -> list[Claim]:
        query = select(*CLAIM_COLUMNS).where(
            job.id.in_(sorted(ids)), job.status == RUNNING, job.result == token
        )
        with self._reading() as connection:
            # `trys` counts the try already: taken off, so that a row reads as it did when locked.
            rows = [Pending(*row) for row in connection.execute(query)]
        return [to_claim(row, token, (whole_number(row.trys) or 1) - 1) for row in rows]

    # The worker's side: what follows a claim, under its fence

    def write(self, outcomes: Sequence[Outcome], now: datetime) -> set[str]:
        groups = alike(outcomes, self.limits.bytes_of('result'))
        with self._prepared() as work:
            if all(self._write_alike(work, group, now) == len(group) for group in groups):
                return {outcome.id for outcome in outcomes}
            work.rollback()
            return {o.id for o in outcomes if self._write_alike(work, [o], now)}

    def _write_alike(self, work: Transaction, group: list[Outcome], now: datetime) -> int:
        """Write outcomes that differ in nothing but id and result, by one statement."""
        first = group[0]
        values = {
            'b_ids': padded([outcome.id for outcome in group]),
            'b_token': first.token,
            'b_status': first.status,
            'b_error': first.error,
            'b_run_at': self._stamp(first.run_at),
            'b_uncount': int(first.uncount),
            'b_now': self._stamp(now),
        }
        if all(outcome.result == first.result for outcome in group):
            values['b_result'] = first.result
            return work.count(WRITE_ONE_RESULT, values)
        results = padded([(outcome.id, outcome.result) for outcome in group], ('', ''))
        values['b_results'] = list(chain.from_iterable(results))
        return work.count(WRITE_RESULTS, values)

    def written(self, outcomes: Sequence[Outcome]) -> tuple[set[str], set[str]]:
        query = select(job.id, job.status, job.result, job.error, job.run_at, job.trys).where(
            job.id.in_([outcome.id for outcome in outcomes])
        )
        with self._reading() as connection:
            rows = {row.id: row for row in connection.execute(query)}
        held = {o.id for o in outcomes if o.id in rows and holds(rows[o.id], o.token)}
        done = {o.id for o in outcomes if o.id in rows and shows(rows[o.id], o)}
        return done - held, held

    def renew(self, fences: Iterable[tuple[str, str]], now: datetime) -> tuple[Fences, Fences]:
        asked = set(fences)
        ids, tokens = (padded(sorted({fence[part] for fence in asked})) for part in (0, 1))
        values = {'b_ids': ids, 'b_tokens': tokens}
        with self._prepared() as work:
            # Nobody's lock on one row may cost the leases of the others.
            hold = HOLD_FREE if self._skips_locked(work) else HOLD_ALL
            renewed = asked & {(job_id, token) for job_id, token in work.rows(hold, values)}
            if renewed:
                ids = padded(sorted({job_id for job_id, _ in renewed}))
                work.count(RENEW, {**values, 'b_ids': ids, 'b_now': self._stamp(now)})
            missing = asked - renewed
            return renewed, missing - self._holders(work, missing)

    @staticmethod
    def _holders(work: Transaction, fences: Fences) -> Fences:
        """Those of these that hold their rows, whether others have locked them or not."""
        if not fences:
            return set()
        ids = padded(sorted({job_id for job_id, _ in fences}))
        return fences & {
            (job_id, token) for job_id, token in work.rows(READ_HOLDERS, {'b_ids': ids})
        }

    # The worker's side: rescue

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        values = {'b_before': self._stamp(before), 'b_limit': limit}
        # Where one writer locks all others out, whoever looks must get that lock as well.
        with self._connection(reads=self._dialect != 'sqlite') as connection:
            rows = Pooled(connection).rows(READ_EXPIRED, values)
            if rows:
                connection.execute(WRITE_NOTHING)
        return [
            Expired(
                job_id,
                token,
                time_of(updated),
                text_of(action) or '',
                effective_try_max(try_max),
                whole_number(trys) or 0,
            )
            for job_id, token, updated, action, try_max, trys in rows
        ]

    def rescue(
        self,
        row: Expired,
        before: datetime,
        now: datetime,
        in_time: Callable[[], bool] = lambda: True,
    ) -> bool:
        unchanged = job.result.is_(None) if row.token is None else job.result == row.token
        used_up = row.trys >= row.try_max
        statement = (
            update(schema.job)
            .where(
                job.id == row.id,
                status == RUNNING,
                unchanged,
                or_(job.updated.is_(None), job.updated < before),
                _not_renewed(row),
            )
            .values(
                status=ERROR if used_up else PENDING,
                error=WORKER_LOST,
                result=None,
                run_at=job.run_at if used_up else now,
                updated=now,
            )
        )
        with self._writing() as connection:
            if not self._is_free(connection, row.id):
                return False
            rescued = bool(connection.execute(statement).rowcount)
            if rescued and not in_time():
                connection.rollback()
                return False
            return rescued

    def _is_free(self, connection: Connection, job_id: str) -> bool:
        """Whether nobody has locked the row, such as a server that has not yet noticed that the
        worker is gone; true where that cannot be asked without waiting.
        """
        if not self._skips_locked(Pooled(connection)):
            return True
        query = select(job.id).where(job.id == job_id).with_for_update(skip_locked=True)
        return connection.execute(query).first() is not None

    # The server

    def problems(self, tables: Iterable[str]) -> list[str]:
        with self._reading() as connection:
            return schema.check(connection, list(tables))

    def ping(self) -> None:
        """Raise if the database does not answer."""
        with self._reading() as connection:
            connection.execute(text('SELECT 1'))

    def close(self) -> None:
        self.engine.dispose()

    def _stamp(self, moment: datetime | None) -> Any:
        return stamp(self._dialect, moment)


def _not_renewed(row: Expired) -> ColumnElement[bool]:
    """That `updated` is as it was seen: a host whose clock is slow may have renewed it since."""
    if isinstance(row.updated, datetime) and not row.updated.microsecond:
        return job.updated == row.updated
    return true()
