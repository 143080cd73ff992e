"""What is in the database of a live scenario, as its runner sees it."""

from typing import Any

from sqlalchemy import func, select

from wumai.clock import SystemClock, floor_second
from wumai.config import Config
from wumai.job import PENDING, RUNNING, JobRow
from wumai.store import schema
from wumai.store.engine import ROLES, database_url, make_engine
from wumai_testing.recording import RecordingStore
from wumai_testing.scenario.values import ABSENT
from wumai_testing.scenario.world import shown_operation, shown_row
from wumai_testing.timeline import Timeline

_job = schema.job.c


class Rows:
    """Connections of the runner's own."""

    def __init__(self, url: str, events: Timeline) -> None:
        conf = Config()
        conf.apply(DB_URL=url)
        self.clock = SystemClock()
        self._engine = make_engine(database_url(conf), ROLES['app'], self.clock)
        self._store = RecordingStore(self._engine, events, None)
        self._store.ping()  # from here on the clock is the database's

    def insert(self, row: JobRow) -> None:
        self._store.insert_jobs([row])

    def cancel(self, job_id: str) -> bool:
        return self._store.cancel(job_id, floor_second(self.clock.now()))

    def retry(self, job_id: str) -> bool:
        return self._store.retry(job_id, floor_second(self.clock.now()))

    def job(self, job_id: str) -> Any:
        """The columns of a row, or ABSENT."""
        row = self._store.get_job(job_id)
        return ABSENT if row is None else shown_row(row)

    def open_jobs(self) -> list[str]:
        """Those that have not ended, for a person."""
        query = select(_job.id, _job.action, _job.status, _job.trys)
        rows = self._ask(query.where(_job.status.in_((PENDING, RUNNING))))
        return [f'{row.id} ({row.action}, {row.status}, trys {row.trys})' for row in rows]

    def operations(self) -> list[dict[str, Any]]:
        """The journal, oldest first."""
        columns = schema.operation.c
        rows = self._ask(select(*columns).order_by(columns.id))
        return [shown_operation(row._asdict()) for row in rows]

    def running(self) -> int:
        """How many rows run."""
        return int(self._ask(select(func.count()).where(_job.status == RUNNING))[0][0])

    def _ask(self, query: Any) -> list[Any]:
        with self._engine.connect().execution_options(wumai_reads=True) as connection:
            return list(connection.execute(query).all())

    def close(self) -> None:
        self._store.close()
