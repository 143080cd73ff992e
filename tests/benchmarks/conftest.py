"""The servers of the benchmarks, private to the run, and the table at its end."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.report import rows_of, settings, table
from wumai_testing.mariadb import MariaDB

MARIADB = (
    '--innodb-flush-log-at-trx-commit=1',
    '--innodb-buffer-pool-size=1G',
    '--innodb-log-file-size=512M',
)

_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--claim-rows', type=int, default=1_000_000, help='of the large table')


@pytest.fixture(scope='session')
def durable_mariadb() -> Iterator[MariaDB]:
    """A server that syncs its log at each commit."""
    if not MariaDB.available():
        pytest.skip('no MariaDB here: apt-get install mariadb-server')
    with MariaDB(MARIADB) as server:
        yield server


@pytest.fixture(params=['mariadb', 'sqlite'])
def grounds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ground, Ground]]:
    """Two tables in databases of their own: ours, and the reference's."""
    if request.param == 'sqlite':
        yield Ground(f'sqlite:///{tmp_path}/ours.db'), Ground(f'sqlite:///{tmp_path}/theirs.db')
        return
    server: MariaDB = request.getfixturevalue('durable_mariadb')
    names = [f'bench_{next(_numbers)}' for _ in range(2)]
    for name in names:
        server.execute(f'CREATE DATABASE {name} CHARACTER SET utf8mb4')
    yield Ground(server.database_url(names[0])), Ground(server.database_url(names[1]))
    for name in names:
        server.execute(f'DROP DATABASE {name}')


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    machine_info['settings'] = settings(machine_info, {'MariaDB': ' '.join(MARIADB)})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One table: what, ours, the reference, the ratio, what is aimed at."""
    session = getattr(config, '_benchmarksession', None)
    if session and (rows := rows_of(vars(one) for one in session.benchmarks)):
        terminalreporter.section('wumai beside its references')
        terminalreporter.write_line(table(rows))
