"""Fixtures: a real PostgreSQL, private to the test run, where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.mariadb import execute

_numbers = count(1)


@pytest.fixture(scope='session')
def postgresql_url() -> Iterator[str]:
    """The URL of a server: WUMAI_TEST_POSTGRESQL_URL, else one of our own."""
    if given := os.environ.get('WUMAI_TEST_POSTGRESQL_URL'):
        yield given
    elif programs := postgresql_programs():
        with postgresql_server(programs) as url:
            yield url
    else:
        pytest.skip('no PostgreSQL here: install postgresql, or set WUMAI_TEST_POSTGRESQL_URL')


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped after the test."""
    name = f'wumai_test_{os.getpid()}_{next(_numbers)}'
    execute(postgresql_url, f'CREATE DATABASE {name}')
    yield make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    execute(postgresql_url, f'DROP DATABASE IF EXISTS {name} WITH (FORCE)')


def postgresql_programs() -> Path | None:
    """The folder of initdb and pg_ctl, which Debian keeps off PATH; the newest."""
    if found := shutil.which('initdb'):
        return Path(found).parent
    folders = Path('/usr/lib/postgresql').glob('*/bin')
    return max(
        (folder for folder in folders if (folder / 'initdb').exists()),
        key=lambda folder: float(folder.parent.name),
        default=None,
    )


@contextmanager
def postgresql_server(programs: Path) -> Iterator[str]:
    """A server of our own, by its URL."""
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix='wumai-postgresql-'))
    if user:
        shutil.chown(folder, user)
    data, port = folder / 'data', _free_port()
    options = f'-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c shared_buffers=16MB'

    def run(program: str, *args: str) -> None:
        command = [str(programs / program), '-D', str(data), *args]
        # Output to a file: a server that inherits a pipe keeps it open.
        with (folder / 'output.log').open('ab') as log:
            done = subprocess.run(
                command, stdout=log, stderr=log, check=False, cwd=folder, user=user, group=user
            )
        assert done.returncode == 0, (folder / 'output.log').read_text(errors='replace')

    try:
        run('initdb', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync')
        run('pg_ctl', '-w', '-o', options, '-l', str(folder / 'server.log'), 'start')
        try:
            yield f'postgresql+psycopg://postgres@127.0.0.1:{port}/postgres'
        finally:
            run('pg_ctl', '-m', 'immediate', 'stop')
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: whom to run it as, None for ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return 'postgres' if 'postgres' in names else 'nobody'


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])
