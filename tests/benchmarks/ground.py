"""The databases of the benchmarks: a table `job` that is filled, emptied and watched."""

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from sqlalchemy import NullPool, create_engine, make_url, text

from wumai.clock import ceil_second
from wumai.store import schema

POLL = 0.003
"""Seconds between two looks whether a table is drained."""

_COLUMNS = 'id, action, status, params, updated, created, run_at, try_period, try_max, trys'
_SELECT = "SELECT {id}, 'Echo', :status, {params}, :now, :now, :due, 600, 3, 0 FROM {numbers}"
_INSERT = {
    'mysql': f'INSERT INTO job ({_COLUMNS}) '
    + _SELECT.format(
        id="CONCAT(:name, LPAD(seq, 12, '0'))",
        params="CONCAT(:params, seq, '}')",
        numbers='seq_1_to_{count}',
    ),
    'sqlite': 'WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers '
    f'LIMIT {{count}}) INSERT INTO job ({_COLUMNS}) '
    + _SELECT.format(
        id="PRINTF('%s%012d', :name, seq)",
        params="PRINTF('%s%d}', :params, seq)",
        numbers='numbers',
    ),
}


class Ground:
    """One database with an empty table `job`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kind = make_url(url).get_backend_name()
        self._engine = create_engine(
            url, poolclass=NullPool, isolation_level='AUTOCOMMIT', connect_args=_patient(self.kind)
        )
        schema.metadata.create_all(self._engine)

    def empty(self) -> None:
        self._execute('TRUNCATE TABLE job' if self.kind == 'mysql' else 'DELETE FROM job')

    def fill(self, count: int, due: datetime, status: str = 'pending') -> None:
        """Insert `count` jobs of the action Echo, each with params of its own, due at `due`."""
        statement = _INSERT[self.kind].replace('{count}', str(count))
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        values = {'status': status, 'name': f'job-{status}-', 'now': now, 'due': due}
        values['params'] = '{"n": '
        if self.kind == 'sqlite':
            values |= {'now': str(now), 'due': str(due)}
        self._execute(statement, values)

    def fill_for_later(self, count: int) -> None:
        """Fill the empty table and return at the moment when all its jobs fall due."""
        self.empty()
        due = ceil_second(datetime.now(UTC) + timedelta(seconds=0.7 + count / 20_000))
        due = due.replace(tzinfo=None)
        self.fill(count, due)
        wait = due.replace(tzinfo=UTC).timestamp() - time.time()
        assert wait > 0, f'{count} rows took too long to insert'
        time.sleep(wait)

    def await_drained(self, limit: float = 100) -> float:
        """Seconds until every job has ended. Asks for the last job, then for all."""
        began = time.perf_counter()
        with self._engine.connect() as connection:
            for query in (
                'SELECT 1 FROM (SELECT status FROM job ORDER BY id DESC LIMIT 1) last '
                "WHERE status IN ('pending', 'running')",
                "SELECT 1 FROM job WHERE status IN ('pending', 'running') LIMIT 1",
            ):
                while connection.execute(text(query)).first():
                    assert time.perf_counter() - began < limit, 'the table is not drained'
                    time.sleep(POLL)
        return time.perf_counter() - began

    def count(self, status: str) -> int:
        with self._engine.connect() as connection:
            query = text('SELECT COUNT(*) FROM job WHERE status = :status')
            return int(connection.execute(query, {'status': status}).scalar_one())

    def _execute(self, statement: str, values: dict[str, object] | None = None) -> None:
        with closing(self._engine.connect()) as connection:
            connection.execute(text(statement), values or {})


def _patient(kind: str) -> dict[str, float]:
    """SQLite has one writer: wait for the others."""
    return {'timeout': 10} if kind == 'sqlite' else {}
