"""What the stories of chaos share: a server that may be killed, and workers to disturb."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.chaos.fleet import Fleet, WorkerProcess
from tests.chaos.ground import IMPATIENT, make_tables, takes_writes
from tests.chaos.journal import Journal, Run
from tests.waiting import until
from wumai.clock import SystemClock, floor_second
from wumai.config import Config
from wumai.entropy import RandomEntropy
from wumai.job import JobRow
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai_testing.mariadb import MariaDB

LEASE = 3.0
_numbers = count(1)


class Stage:
    """An empty database, workers over it, and what they did."""

    def __init__(self, url: str, folder: Path, **connect_args: Any) -> None:
        self.url = url
        self.journal = Journal(folder)
        self._engine = _engine(url, connect_args)
        self._file = self._engine.url.database if self._engine.dialect.name == 'sqlite' else None
        self._store = SqlStore(self._engine)
        make_tables(self._engine)
        self.fleet = Fleet(folder, {'poll_interval': 0.5, 'lease': LEASE, 'grace': 3})

    def job(self, action: str, *, try_max: int = 3, **params: Any) -> str:
        """Create a job that is due now, and retried at once."""
        clock = SystemClock()
        moment = floor_second(clock.now())
        row = JobRow(
            id=RandomEntropy().job_id(clock.now()), project_id=None, action=action,
            status='pending', error=None, result=None, params=repr(params).replace("'", '"'),
            updated=moment, created=moment, run_at=moment,
            try_period=0, try_max=try_max, trys=0,
        )  # fmt: skip
        self._store.insert_jobs([row])
        return row.id

    def row(self, job_id: str) -> JobRow:
        row = self._store.get_job(job_id)
        assert row is not None
        return row

    def await_status(self, job_id: str, status: str, limit: float = 60.0) -> JobRow:
        until(lambda: self.row(job_id).status == status, limit, f'{job_id} {status}')
        return self.row(job_id)

    def runs(self, job_id: str) -> list[Run]:
        return [run for run in self.journal.runs() if run.job == job_id]

    def await_run(self, job_id: str, number: int = 1) -> Run:
        """The run that is the `number`th to begin."""
        until(lambda: len(self.runs(job_id)) >= number, what=f'run {number} of {job_id}')
        return self.runs(job_id)[number - 1]

    def freeze(self, worker: WorkerProcess) -> None:
        """Stop it; on SQLite not where it holds the one lock, so that others go on."""
        worker.freeze()
        while self._file and not takes_writes(self._file):
            worker.thaw()
            worker.freeze()

    def close(self) -> None:
        """End the workers, and the connections."""
        self.fleet.__exit__(None, None, None)
        self._engine.dispose()

    def logs(self) -> str:
        return '\n'.join(worker.log() for worker in self.fleet.workers)


def _engine(url: str, connect_args: dict[str, Any]) -> Engine:
    conf = Config()
    conf.apply(DB_URL=url)
    options: dict[str, Any] = {'connect_args': connect_args} if connect_args else {}
    return make_engine(database_url(conf), ROLES['app'], SystemClock(), **options)


@pytest.fixture(scope='module')
def server() -> Iterator[MariaDB]:
    """One that these tests may kill."""
    if not MariaDB.available():
        if os.environ.get('WUMAI_CI_REQUIRES_MYSQL'):
            pytest.fail('no MariaDB here')
        pytest.skip('no MariaDB here')
    with MariaDB() as one:
        yield one


@pytest.fixture
def stage_on() -> Iterator[Callable[..., Stage]]:
    """Makes stages, and closes them."""
    stages: list[Stage] = []

    def make(url: str, folder: Path, **connect_args: Any) -> Stage:
        stages.append(Stage(url, folder, **connect_args))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


@pytest.fixture
def database(server) -> str:
    """A new database of that server: its name."""
    name = f'chaos_{next(_numbers)}'
    server.execute(f'CREATE DATABASE {name} CHARACTER SET utf8mb4')
    return name


@pytest.fixture
def stage(server, database, tmp_path, stage_on) -> Stage:
    """On MariaDB."""
    return stage_on(server.database_url(database), tmp_path, **IMPATIENT)


@pytest.fixture(params=['sqlite', 'mariadb'])
def any_stage(request, tmp_path, stage_on) -> Stage:
    """On each kind."""
    if request.param == 'mariadb':
        return request.getfixturevalue('stage')
    return stage_on(f'sqlite:///{tmp_path}/wumai.db', tmp_path, timeout=30)
