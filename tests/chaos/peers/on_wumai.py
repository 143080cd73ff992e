"""wumai on a private MariaDB. `python -m tests.chaos.peers.on_wumai FOLDER` is its worker."""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.chaos.ground import IMPATIENT, make_tables, rows_of
from tests.chaos.peers.base import TRIES, work
from wumai.clock import SystemClock
from wumai.config import CONF, Config
from wumai.server import create_worker
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.schema import job as table
from wumai_testing.mariadb import MariaDB

LEASE = 6


class WumaiPeer:
    name = 'wumai'
    settings = f'lease {LEASE} s'
    places = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = MariaDB()
        self._server.start()
        self._server.execute('CREATE DATABASE chaos')
        conf = Config()
        conf.apply(DB_URL=self._server.database_url('chaos'))
        self._engine = make_engine(
            database_url(conf), ROLES['app'], SystemClock(), connect_args=IMPATIENT
        )
        make_tables(self._engine)
        os.environ['DB_URL'] = self._server.database_url('chaos')

    def command(self) -> Sequence[str]:
        return ['-m', __name__, str(self._folder)]

    def submit(self, jobs: Sequence[tuple[str, float]]) -> None:
        with self._engine.begin() as connection:
            for job, seconds in jobs:
                values = {'id': job, 'action': 'Work', 'status': 'pending', 'try_period': 0}
                params = f'{{"seconds": {seconds}}}'
                connection.execute(table.insert().values(**values, params=params, try_max=TRIES))

    def kept(self, ids: Collection[str]) -> set[str]:
        return {row.id for row in rows_of(self._engine) if row.status != 'finished'} & set(ids)

    def kill_server(self) -> None:
        self._server.kill()

    def start_server(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.stop()


if __name__ == '__main__':
    CONF.apply(app_root='.', log_dir=os.path.join(sys.argv[1], f'log-{os.getpid()}'))
    worker = create_worker(exec_size=WumaiPeer.places, lease=LEASE, poll_interval=0.5, grace=3)
    worker.route({'Work': lambda job: work(job.id, job.params['seconds'])}).start()
