"""What one database carries: `python -m tests.chaos.scale`; the figures of docs/scale.md."""

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from tests.chaos.fleet import Fleet, now
from tests.chaos.ground import SqliteGround, make_tables
from tests.waiting import until
from wumai.clock import SystemClock, floor_second
from wumai.config import Config
from wumai.entropy import RandomEntropy
from wumai.job import JobRow
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai_testing.mariadb import MariaDB

OPTIONS = {'pick_size': 50, 'exec_size': 50}
DONE = text("SELECT COUNT(*) FROM job WHERE status = 'finished' AND id > :behind")


def opened(url: str) -> SqlStore:
    conf = Config()
    conf.apply(DB_URL=url)
    return SqlStore(make_engine(database_url(conf), ROLES['app'], SystemClock()))


def insert(store: SqlStore, count: int, status: str = 'pending', group: int = 1000) -> None:
    """Rows of jobs that do nothing."""
    clock, entropy = SystemClock(), RandomEntropy()
    moment = floor_second(clock.now())
    for start in range(0, count, group):
        size = min(group, count - start)
        store.insert_jobs([_row(entropy.job_id(clock.now()), moment, status) for _ in range(size)])


def _row(job_id: str, moment: Any, status: str) -> JobRow:
    return JobRow(
        id=job_id, project_id='p', action='Nothing', status=status, error=None, result=None,
        params='{"name": "web-1"}', updated=moment, created=moment, run_at=moment,
        try_period=600, try_max=3, trys=0,
    )  # fmt: skip


def create_rate(store: SqlStore, seconds: float = 3.0) -> float:
    """Jobs a second, each in a transaction of its own, by one client."""
    began, count = now(), 0
    while now() - began < seconds:
        insert(store, 1)
        count += 1
    return count / (now() - began)


def poll_rate(store: SqlStore, seconds: float = 3.0) -> float:
    """Looks at the table while nothing is due, as each idle worker takes, by one client."""
    clock = SystemClock()
    began, count = now(), 0
    while now() - began < seconds:
        assert not store.candidates(clock.now(), 200)
        count += 1
    return count / (now() - began)


def prune_rate(store: SqlStore, rows: int, batch: int = 500) -> float:
    """Old rows deleted a second, without the pauses that `wumai jobs prune` makes."""
    later = SystemClock().now() + timedelta(days=1)
    began, count = now(), 0
    last: str | None = ''
    while count < rows and last is not None:
        last, deleted = store.prune(['finished'], later, last, batch)
        count += deleted
    return count / (now() - began)


def bytes_a_row(store: SqlStore, rows: int) -> float:
    """Data and indexes on disk."""
    with store.engine.connect() as connection:
        if store.engine.dialect.name == 'sqlite':
            query = 'SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()'
            return float(connection.execute(text(query)).scalar_one()) / rows
        connection.execute(text('ANALYZE TABLE job'))
        query = (
            'SELECT data_length + index_length FROM information_schema.tables'
            " WHERE table_schema = DATABASE() AND table_name = 'job'"
        )
        return float(connection.execute(text(query)).scalar_one()) / rows


def run_rate(engine: Engine, fleet: Fleet, url: str, workers: int, jobs: int, behind: str) -> float:
    """Jobs a second from claim to outcome, over the middle 80 %."""

    def done() -> int:
        with engine.connect() as connection:
            return int(connection.execute(DONE, {'behind': behind}).scalar_one())

    for slot in range(workers):
        fleet.start(url, slot)
    until(lambda: done() >= jobs // 10, 300)
    first, began = done(), now()
    while (last := done()) < jobs * 9 // 10:
        time.sleep(0.1)
    return (last - first) / (now() - began)


def measure(url: str, folder: Path, workers: int, jobs: int, old: int) -> None:
    store = opened(url)
    make_tables(store.engine)
    if old:
        measure_rows(store, old)
    behind = RandomEntropy().job_id(SystemClock().now())
    created = create_rate(store)
    insert(store, jobs)
    with Fleet(folder, OPTIONS) as fleet:
        rate = run_rate(store.engine, fleet, url, workers, jobs, behind)
        fleet.stop()
    print(
        f'{store.engine.dialect.name}: {old} old rows, {workers} workers, {jobs} jobs: '
        f'{created:.0f} created a second by one client, {rate:.0f} run a second'
    )


def measure_rows(store: SqlStore, count: int) -> None:
    """Fill the table with rows that ended, and delete a part of them."""
    insert(store, count, status='finished')
    size, polls = bytes_a_row(store, count), poll_rate(store)
    pruned = prune_rate(store, count // 5)
    print(f'{size:.0f} bytes a row, {polls:.0f} idle polls a second, {pruned:.0f} pruned a second')


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos.scale', description=__doc__)
    parser.add_argument('--database', choices=('mariadb', 'sqlite'), default='mariadb')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=10_000)
    parser.add_argument('--old', type=int, default=0, help='finished rows that are there before')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='wumai-scale-') as name:
        folder = Path(name)
        if given.database == 'sqlite':
            measure(SqliteGround(folder).url(0), folder, given.workers, given.jobs, given.old)
            return
        with MariaDB(['--innodb-buffer-pool-size=512M']) as server:
            server.execute('CREATE DATABASE scale CHARACTER SET utf8mb4')
            url = server.database_url('scale')
            measure(url, folder, given.workers, given.jobs, given.old)


if __name__ == '__main__':
    main()
