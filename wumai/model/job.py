"""Jobs as an app sees them: created, looked up, listed, cancelled and retried."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Required, TypedDict, get_args
from weakref import WeakKeyDictionary

import gevent
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, SessionTransaction

from wumai import bootstrap, db
from wumai.clock import ceil_second, floor_second
from wumai.common.jsonable import encode
from wumai.iaas_error import ResourceNotFound
from wumai.job import (
    DEFAULT_TRY_MAX,
    DEFAULT_TRY_PERIOD,
    LONGEST,
    PENDING,
    JobRow,
    Status,
    effective_try_max,
    effective_try_period,
    load_params,
    whole_number,
)
from wumai.runtime import Runtime
from wumai.store.base import JobFilter
from wumai.store.db_errors import Busy, InDoubt, Rejected, StoreError, Unavailable

ATTEMPTS = 4
"""How often a lone insert is sent while the database is busy or a connection was stale."""

COMMIT_PERIOD = 0.01
"""Seconds between two looks whether a COMMIT has been answered."""

_LENGTHS = {'action': 50, 'project_id': 32}


class NewJob(TypedDict, total=False):
    """One of `Job.create_many`: the arguments of `Job.create`."""

    action: Required[str]
    params: Mapping[str, Any] | None
    project_id: str | None
    run_at: datetime | None
    try_period: int
    try_max: int


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the table `job`, its NULLs read as their defaults. Times are naive UTC."""

    id: str
    project_id: str | None
    action: str
    status: str
    error: str | None
    result: Any
    """What the handler returned; None unless finished."""
    params: dict[str, Any]
    updated: datetime | None
    created: datetime | None
    run_at: datetime | None
    try_period: int
    """Seconds from a failure to the next try."""
    try_max: int
    """The number of runs."""
    trys: int
    """The tries begun."""

    @staticmethod
    def create(
        action: str,
        *,
        params: Mapping[str, Any] | None = None,
        project_id: str | None = None,
        run_at: datetime | None = None,
        try_period: int = DEFAULT_TRY_PERIOD,
        try_max: int = DEFAULT_TRY_MAX,
        session: Session | Connection | None = None,
    ) -> str:
        """Create a job and return its id; due now, or at `run_at` (naive is UTC).

        Inside `db.transaction()`, or with a `session` or connection of the app's own, it is
        stored when that is committed. Raises ValueError or TypeError naming what is wrong.
        """
        runtime = bootstrap.current()
        row = new_row(
            runtime,
            action=action,
            params=params,
            project_id=project_id,
            run_at=run_at,
            try_period=try_period,
            try_max=try_max,
        )
        _store(runtime, [row], session)
        return row.id

    @staticmethod
    def create_many(
        jobs: Iterable[NewJob], *, session: Session | Connection | None = None
    ) -> list[str]:
        """Create all or none of `jobs`, each a dict of `create`'s arguments; their ids."""
        runtime = bootstrap.current()
        if isinstance(jobs, Mapping | str):  # which would be iterated by its keys, or letters
            raise TypeError(f'jobs must be an iterable of mappings, not a {type(jobs).__name__}')
        rows = [_row_from(runtime, index, job) for index, job in enumerate(jobs)]
        if rows:
            _store(runtime, rows, session)
        return [row.id for row in rows]

    @staticmethod
    def get(job_id: str) -> 'Job':
        """The job, as the open transaction sees it. Raises iaas_error.ResourceNotFound."""
        row = bootstrap.current().store.get_job(job_id, db.current_session())
        if row is None:
            raise ResourceNotFound(job_id)
        return Job.from_row(row)

    @staticmethod
    def list(
        *,
        status: Status | None = None,
        action: str | None = None,
        project_id: str | None = None,
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> 'list[Job]':
        """Jobs by age; for the next page, give the last id of this one as `after`.

        Raises ValueError for a status that no job has; it and TypeError for a limit that is no
        whole number from 0.
        """
        if status is not None and status not in get_args(Status):
            raise ValueError(f'status is one of {", ".join(get_args(Status))}, not {status!r}')
        _check_number('limit', limit)
        if limit < 0:
            raise ValueError(f'limit must be at least 0, not {limit}')
        wanted = JobFilter(status, action, project_id, after, limit, newest_first)
        rows = bootstrap.current().store.list_jobs(wanted, db.current_session())
        return [Job.from_row(row) for row in rows]

    @staticmethod
    def cancel(job_id: str) -> bool:
        """End a pending job in error `cancelled`; a running one also loses its worker, which
        stops it at its next heartbeat. False if it had ended before, or is not there.
        """
        runtime = bootstrap.current()
        now = floor_second(runtime.clock.now())
        return runtime.store.cancel(job_id, now, db.current_session())

    @staticmethod
    def retry(job_id: str) -> bool:
        """Make a job in error pending and due now, with no try used. False if it is not."""
        runtime, session = bootstrap.current(), db.current_session()
        retried = runtime.store.retry(job_id, floor_second(runtime.clock.now()), session)
        if retried:
            _wake_at_commit(runtime, session)
        return retried

    @staticmethod
    def from_row(row: JobRow) -> 'Job':
        """The job that a row of the table holds."""
        return Job(
            id=row.id,
            project_id=row.project_id,
            action=row.action,
            status=row.status,
            error=row.error,
            result=_loaded(row.result) if row.status == 'finished' else None,
            params=_params(row.params),
            updated=row.updated,
            created=row.created,
            run_at=row.run_at,
            try_period=effective_try_period(row.try_period),
            try_max=effective_try_max(row.try_max),
            trys=whole_number(row.trys) or 0,
        )


def _row_from(runtime: Runtime, index: int, job: Any) -> JobRow:
    if not isinstance(job, Mapping):
        raise TypeError(f'job {index} must be a mapping, not a {type(job).__name__}')
    known = NewJob.__annotations__
    if unknown := sorted(set(job) - set(known)):
        raise TypeError(f'job {index} has {unknown[0]!r}, a job takes {", ".join(known)}')
    if 'action' not in job:
        raise TypeError(f'job {index} has no action')
    return new_row(runtime, **job)


def new_row(
    runtime: Runtime,
    *,
    action: Any,
    params: Any = None,
    project_id: Any = None,
    run_at: Any = None,
    try_period: Any = DEFAULT_TRY_PERIOD,
    try_max: Any = DEFAULT_TRY_MAX,
) -> JobRow:
    """The row that `Job.create` stores. Raises ValueError or TypeError naming what is wrong."""
    if not action:
        raise ValueError('a job needs an action')
    _check_text('action', action)
    if project_id is not None:
        _check_text('project_id', project_id)
    for name, value in (('try_period', try_period), ('try_max', try_max)):
        _check_number(name, value)
    now = runtime.clock.now()
    second = floor_second(now)
    return JobRow(
        id=runtime.entropy.job_id(now),
        project_id=project_id,
        action=action,
        status=PENDING,
        error=None,
        result=None,
        params=_dump_params(runtime, params),
        updated=second,
        created=second,
        run_at=second if run_at is None else _due(run_at, now),
        try_period=try_period,
        try_max=try_max,
        trys=0,
    )


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f'{name} must be a string, not {value!r}')
    if len(value) > _LENGTHS[name]:
        raise ValueError(f'{name} is longer than {_LENGTHS[name]} characters: {value[:60]!r}')


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f'{name} must be a whole number, not {value!r}')
    if abs(value) > LONGEST:
        raise ValueError(f'{name} must be at most {LONGEST}, not {value!r:.40}')


def _due(run_at: Any, now: datetime) -> datetime:
    if not isinstance(run_at, datetime):
        raise TypeError(f'run_at must be a datetime, not {run_at!r}')
    try:
        moment = run_at.astimezone(UTC).replace(tzinfo=None) if run_at.tzinfo else run_at
    except OverflowError:
        raise ValueError(f'run_at has no time in UTC: {run_at}') from None
    return ceil_second(moment) if moment > now else floor_second(moment)


def _dump_params(runtime: Runtime, params: Any) -> str:
    if params is None:
        return '{}'
    if not isinstance(params, Mapping):
        raise TypeError(f'params must be a mapping, not a {type(params).__name__}')
    try:
        dumped = encode(dict(params))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f'params are not JSON: {error}') from None
    limits = runtime.store.limits
    if not limits.holds('params', dumped):
        raise ValueError(
            f'params are {len(dumped)} bytes of JSON, the column params holds '
            f'{limits.bytes_of("params")}: store what is large elsewhere and pass its id'
        )
    return dumped


def _store(runtime: Runtime, rows: list[JobRow], session: Session | Connection | None) -> None:
    joined = session if session is not None else db.current_session()
    if joined is None:
        _insert_alone(runtime, rows)
    else:
        runtime.store.insert_jobs(rows, joined)
    _wake_at_commit(runtime, joined, [row.id for row in rows if row.run_at == row.created])


def _insert_alone(runtime: Runtime, rows: list[JobRow]) -> None:
    """Insert in a transaction of its own, which may be sent again since the ids are known."""
    problem: StoreError | None = None
    for attempt in range(ATTEMPTS):
        if problem:
            gevent.sleep(0.05 * attempt)
        try:
            # They are stored all or none.
            if not (isinstance(problem, InDoubt) and runtime.store.get_job(rows[0].id)):
                runtime.store.insert_jobs(rows)
            return
        except Rejected:
            if not isinstance(problem, InDoubt):
                raise
            # The commit in doubt may have been under way when it was asked about: ask again.
        except (Busy, Unavailable, InDoubt) as error:
            # A doubt stays one while the question cannot be answered.
            problem = problem if isinstance(problem, InDoubt) else error
    assert problem
    raise problem


def _wake_at_commit(
    runtime: Runtime, joined: Session | Connection | None, ids: Sequence[str] = ()
) -> None:
    """Wake this process's workers when the transaction is in the database, and not before."""
    if joined is None:
        runtime.wakeups.created(ids)
    elif isinstance(joined, Session):
        joined.info.setdefault(_WAKES, (runtime.wakeups, []))[1].extend(ids)
        event.listen(joined, 'after_commit', _session_committed)  # again is no harm
        event.listen(joined, 'after_transaction_end', _transaction_ended)
    else:
        wakes = _wakes.setdefault(joined.get_transaction(), (runtime, []))
        wakes[1].extend(ids)
        event.listen(joined, 'commit', _await_commit)  # again is no harm


_WAKES = 'wumai_wakeups'
_wakes: WeakKeyDictionary[Any, tuple[Runtime, list[str]]] = WeakKeyDictionary()
"""By a connection's transaction: whose workers to wake at its commit, for which jobs."""


def _session_committed(session: Session) -> None:
    # A savepoint's end is told here too.
    if _WAKES in session.info and not session.in_nested_transaction():
        wakeups, ids = session.info.pop(_WAKES)
        wakeups.created(ids)


def _transaction_ended(session: Session, transaction: SessionTransaction) -> None:
    # Where it was committed, that has been told.
    if transaction.parent is None:
        session.info.pop(_WAKES, None)


def _await_commit(connection: Connection) -> None:
    # This event comes before the COMMIT is sent.
    transaction = connection.get_transaction()
    if wakes := _wakes.pop(transaction, None):
        gevent.spawn(_wake_after, *wakes, connection, transaction)


def _wake_after(
    runtime: Runtime, ids: Sequence[str], connection: Connection, transaction: Any
) -> None:
    while not connection.closed and connection.get_transaction() is transaction:
        gevent.sleep(COMMIT_PERIOD)
    runtime.wakeups.created(ids)


def _loaded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):  # written by another program
        return text


def _params(text: str | None) -> dict[str, Any]:
    try:
        return load_params(text)
    except ValueError:
        return {}
