"""Fixtures: a real MariaDB, private to the test run, and an empty database for a test."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from wumai_testing.mariadb import MariaDB

_numbers = count(1)


@pytest.fixture(scope='session')
def mysql_url() -> Iterator[str]:
    """The URL of a server, without a database: WUMAI_TEST_MYSQL_URL, else one of our own."""
    if given := os.environ.get('WUMAI_TEST_MYSQL_URL'):
        yield given
    elif MariaDB.available():
        with MariaDB() as server:
            yield server.url
    else:
        _missing('no MariaDB here: install mariadb-server, or set WUMAI_TEST_MYSQL_URL')


@pytest.fixture
def mysql_database(mysql_url: str) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped after the test."""
    name = f'wumai_test_{os.getpid()}_{next(_numbers)}'
    execute(mysql_url, f'CREATE DATABASE {name} CHARACTER SET utf8mb4')
    yield make_url(mysql_url).set(database=name).render_as_string(hide_password=False)
    execute(mysql_url, f'DROP DATABASE IF EXISTS {name}')


def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own, outside of a transaction."""
    engine = create_engine(url, poolclass=NullPool, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.execute(text(statement))


def _missing(reason: str) -> None:
    if os.environ.get('WUMAI_CI_REQUIRES_MYSQL'):
        pytest.fail(reason)
    pytest.skip(reason)
