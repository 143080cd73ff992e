"""A job of the table that is there, made, claimed and ended as servers do it, and rolled back."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from wumai.cli.findings import Finding, failure, hint, note, ok
from wumai.clock import floor_second
from wumai.job import ERROR, FINISHED, PENDING, JobRow, Outcome, make_token, whole_number
from wumai.model.job import new_row
from wumai.runtime import Runtime
from wumai.store.db_errors import StoreError, translate
from wumai.store.rows import text_of
from wumai.store.sql import SqlStore
from wumai.store.statements import WRITE_NOTHING
from wumai.store.transaction import Transaction

_REFUSED = (DBAPIError, StoreError)


def rehearsed(connection: Connection, runtime: Runtime) -> Iterator[Finding]:
    """Whether jobs can be written; nothing of it is committed, nor seen by any worker."""
    try:
        connection.execute(WRITE_NOTHING)
        yield from _rehearsed(_Rehearsal(connection), connection, runtime)
    except _REFUSED as error:
        yield failure('writing', f'table job cannot be written: {_told(error)}')
    finally:
        connection.rollback()


class _Rehearsal(SqlStore):
    """A store that does all in the transaction that one connection has open."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.engine)
        self._only = connection

    @contextmanager
    def _reading(self, joined: Any = None) -> Iterator[Any]:
        with super()._reading(joined or self._only) as connection:
            yield connection

    @contextmanager
    def _writing(self, joined: Any = None) -> Iterator[Any]:
        with super()._writing(joined or self._only) as connection:
            yield connection

    def _prepared(self, *, reads: bool = False) -> AbstractContextManager[Transaction]:
        return self._pooled(reads)


def _rehearsed(store: SqlStore, connection: Connection, runtime: Runtime) -> Iterator[Finding]:
    row = new_row(runtime, action='WumaiCheck')
    try:
        store.insert_jobs([row])
    except _REFUSED as error:
        connection.rollback()
        yield hint(
            'creating',
            f'Job.create may fail: {_told(error)}: mend the column, such as by a default, or make '
            'jobs by an INSERT of your own',
        )
        # A row of the app's own may hold what is NULL in ours.
        row = replace(row, project_id='', error='', result='')
        try:
            store.insert_jobs([row])
        except _REFUSED:
            yield note('writing', 'tried without a job, since none could be made here')
            return
    problem = next(_problems(store, row, runtime), None)
    if problem:
        yield failure('writing', f'table job would lose jobs: {problem}')
    else:
        yield ok('writing', 'a job was made, claimed and ended, and rolled back')


def _told(error: Exception) -> str:
    return str(translate(error) if isinstance(error, DBAPIError) else error)


def _problems(store: SqlStore, row: JobRow, runtime: Runtime) -> Iterator[str]:
    """What became of the row otherwise than it was written; a server that is not strict cuts and
    changes without a word.
    """
    now = floor_second(runtime.clock.now())
    token = make_token(runtime.worker_name, runtime.entropy.nonce())
    wrote = asdict(row)
    del wrote['project_id']  # the app's own, and nothing to a worker
    yield from _changed(store, row.id, wrote)
    for outcome, trys in (
        (Outcome(row.id, token, PENDING, error='failed', run_at=now), 1),
        (Outcome(row.id, token, PENDING, run_at=now, uncount=True), 1),
        (Outcome(row.id, token, ERROR, error='gave up'), 2),
        (Outcome(row.id, token, FINISHED, result='{"checked": true}'), 1),
    ):
        store.retry(row.id, now)  # where it has ended
        if not store.claim([row.id], 1, token, now).claims:
            yield 'a pending one was not claimed'
        if not store.renew([(row.id, token)], now)[0]:
            yield 'result did not keep the token of a claim'
        if not store.write([outcome], now):
            yield f'the outcome {outcome.status} was not written'
        told = {name: getattr(outcome, name) for name in ('status', 'error', 'result')}
        yield from _changed(store, row.id, {**told, 'trys': trys, 'run_at': now, 'updated': now})


def _changed(store: SqlStore, job_id: str, wrote: dict[str, Any]) -> Iterator[str]:
    found = store.get_job(job_id)
    if found is None:
        yield 'one that was made was not found by its id'
        return
    names = [name for name, value in wrote.items() if not _same(getattr(found, name), value)]
    if names:
        yield f'{", ".join(names)} came back otherwise than written'


def _same(found: Any, wrote: Any) -> bool:
    if isinstance(wrote, int):
        return whole_number(found) == wrote
    if isinstance(wrote, datetime):
        return bool(found == wrote)
    # A CHAR may have blanks at its end, a column that is NOT NULL be ''.
    return (text_of(found) or '').strip() == (wrote or '')
