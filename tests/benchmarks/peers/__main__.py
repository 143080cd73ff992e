"""`python -m tests.benchmarks.peers`: one table of wumai and its peers, on servers of its own."""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import NullPool, create_engine, make_url

from tests.benchmarks.conftest import MARIADB
from tests.benchmarks.peers import records
from tests.benchmarks.peers.table import PEER_HEADS, PEER_UNITS, peer_lines
from tests.benchmarks.report import installed, markdown
from tests.postgresql import postgresql_programs, postgresql_server
from tests.redis import RedisServer, redis_program
from wumai.store import schema
from wumai_testing.mariadb import MariaDB

ROOT = Path(__file__).parents[3]
RABBITMQ = 'amqp://guest:guest@127.0.0.1:5672//'
PACKAGES = ('wumai', 'celery', 'dramatiq', 'rq', 'huey', 'procrastinate', 'redis', 'gevent')


class Missing(Exception):
    """A server that is not installed here."""


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, str]]:
    """With an append-only file that is synced each second, as its docs advise for durability."""
    if not redis_program():
        raise Missing('redis-server is not installed')
    server = RedisServer(folder, '--appendonly', 'yes')
    server.start()
    url = f'redis://127.0.0.1:{server.port}/0'
    try:
        yield {'PEERS_BROKER': url, 'PEERS_RESULTS': url, **server.settings}
    finally:
        server.stop()


@contextmanager
def rabbitmq(_folder: Path) -> Iterator[dict[str, str]]:
    """The one that runs here: it has no start of its own that any user may do."""
    try:
        socket.create_connection(('127.0.0.1', 5672), 5).close()
    except OSError:
        raise Missing(f'no RabbitMQ answers at {RABBITMQ}') from None
    yield {'PEERS_BROKER': RABBITMQ, 'PEERS_RESULTS': 'rpc://'}


@contextmanager
def mariadb(_folder: Path) -> Iterator[dict[str, str]]:
    """Synced at each commit."""
    if not MariaDB.available():
        raise Missing('mariadb-server is not installed')
    with MariaDB(MARIADB) as server:
        server.execute('CREATE DATABASE peers CHARACTER SET utf8mb4')
        yield _with_tables(server.database_url('peers'))


@contextmanager
def mariadb_and_redis(folder: Path) -> Iterator[dict[str, str]]:
    with mariadb(folder) as database, redis(folder) as server:
        yield {**server, **database}


@contextmanager
def postgresql(_folder: Path) -> Iterator[dict[str, str]]:
    programs = postgresql_programs()
    if not programs:
        raise Missing('postgresql is not installed')
    with postgresql_server(programs) as url:
        plain = make_url(url).set(drivername='postgresql').render_as_string()
        yield {'PEERS_BROKER': plain, **_with_tables(url)}


@contextmanager
def sqlite(folder: Path) -> Iterator[dict[str, str]]:
    path = folder / 'peers.db'
    yield {'PEERS_BROKER': str(path), **_with_tables(f'sqlite:///{folder}/wumai.db')}


def _with_tables(url: str) -> dict[str, str]:
    engine = create_engine(url, poolclass=NullPool)
    schema.metadata.create_all(engine)
    return {'DB_URL': url}


@dataclass(frozen=True)
class Entry:
    """A line of the table."""

    name: str
    module: str
    servers: Callable[[Path], Any]


ENTRIES = (
    Entry('wumai, MariaDB', 'app_wumai', mariadb),
    Entry('wumai, MariaDB and Redis', 'app_wumai', mariadb_and_redis),
    Entry('wumai, PostgreSQL', 'app_wumai', postgresql),
    Entry('wumai, SQLite', 'app_wumai', sqlite),
    Entry('Celery, Redis', 'app_celery', redis),
    Entry('Celery, RabbitMQ', 'app_celery', rabbitmq),
    Entry('Dramatiq, Redis', 'app_dramatiq', redis),
    Entry('RQ, Redis', 'app_rq', redis),
    Entry('Huey, Redis', 'app_huey', redis),
    Entry('Huey, SQLite', 'app_huey', sqlite),
    Entry('Procrastinate, PostgreSQL', 'app_procrastinate', postgresql),
)


def measure(entry: Entry) -> dict[str, float | None]:
    """The figures of one peer, in processes of their own on a new server. Raises Missing."""
    package = entry.module.removeprefix('app_')
    if not installed(package):
        raise Missing(f'{package} is not installed')
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        environ: Mapping[str, str] = stack.enter_context(entry.servers(folder))
        done = subprocess.run(
            [sys.executable, '-m', 'tests.benchmarks.peers.drive', entry.module],
            cwd=ROOT,
            env={
                **os.environ,
                **environ,
                'PYTHONPATH': str(ROOT),
                'PEERS_FOLDER': name,
                records.PATH: str(folder / 'records'),
            },
            stdout=subprocess.PIPE,
            timeout=600,
            check=False,
        )
        if done.returncode:
            output = folder / 'worker.txt'
            print(output.read_text()[-3000:] if output.exists() else '', file=sys.stderr)
            raise RuntimeError(f'{entry.name} failed')
        found: dict[str, float | None] = json.loads(done.stdout.splitlines()[-1])
        return found


def measured(entry: Entry, rounds: int) -> dict[str, Any]:
    """The medians, or why there are none."""
    try:
        found = [measure(entry) for _ in range(rounds)]
    except Missing as missing:
        return {'name': entry.name, 'skipped': str(missing)}
    middle = {
        key: median([one[key] for one in found]) for key in PEER_UNITS if found[0][key] is not None
    }  # type: ignore[type-var]
    return {'name': entry.name, **middle, 'rounds': found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--only', default='', help='lines whose name contains this')
    parser.add_argument('--rounds', type=int, default=3, help='of which the median is shown')
    parser.add_argument('--json', type=Path, help='where the figures are written too')
    given = parser.parse_args()
    versions = {name: found for name in PACKAGES if (found := installed(name))}
    settings = {'python': platform.python_version(), **versions}
    results = []
    for entry in ENTRIES:
        if given.only.lower() in entry.name.lower():
            results.append(measured(entry, given.rounds))
            print(results[-1]['name'], results[-1].get('skipped', ''), file=sys.stderr)
            if given.json:  # after each, since one that fails ends the run
                text = json.dumps({'settings': settings, 'peers': results}, indent=1)
                given.json.write_text(text)
    print(markdown(PEER_HEADS, peer_lines(results)))


if __name__ == '__main__':
    main()
