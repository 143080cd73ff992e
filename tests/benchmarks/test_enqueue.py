"""How fast jobs are created, one by one and together, beside plain INSERTs of the same rows."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import compare
from tests.benchmarks.reference import INSERT, connect_mysql, connect_sqlite, now
from tests.benchmarks.test_drain import NAMES
from wumai import bootstrap
from wumai.config import Config
from wumai.model import Job

ONE_BY_ONE, TOGETHER = 300, 5000
Rows = list[tuple[Any, ...]]


@contextmanager
def app_on(url: str) -> Iterator[None]:
    """Let `Job` mean the database `url`."""
    settings = Config()
    settings.apply(DB_URL=url)
    runtime = bootstrap.runtime_from(settings)
    bootstrap.provide(lambda: runtime)
    try:
        yield
    finally:
        bootstrap.provide(None)
        runtime.store.close()


def rows(count: int) -> Rows:
    at = now()
    common = ('Nothing', 'pending', '{"n": 1}', at, at, at, 600, 3, 0)
    return [(f'job-{n:012d}', *common) for n in range(count)]


def insert_one_by_one(connection: Any, statement: str, rows: Rows) -> None:
    """Each in a transaction of its own."""
    for row in rows:
        cursor = connection.cursor()
        cursor.execute(statement, row)
        connection.commit()
        cursor.close()


def insert_together(connection: Any, statement: str, rows: Rows) -> None:
    """PyMySQL makes one statement of many rows of it."""
    cursor = connection.cursor()
    cursor.executemany(statement, rows)
    connection.commit()


def by_hand(ground: Ground, insert: Callable[[Any, str, Rows], None], count: int) -> float:
    """Rows a second."""
    ground.empty()
    connect, mark = (connect_mysql, '%s') if ground.kind == 'mysql' else (connect_sqlite, '?')
    statement, wanted = INSERT.format(values=', '.join([mark] * 10)), rows(count)
    with closing(connect(ground.url)) as connection:
        if ground.kind == 'sqlite':
            connection.isolation_level = 'DEFERRED'
        began = time.perf_counter()
        insert(connection, statement, wanted)
        seconds = time.perf_counter() - began
    assert ground.count('pending') == count
    return count / seconds


def by_app(ground: Ground, create: Callable[[int], None], count: int) -> float:
    """Jobs a second."""
    ground.empty()
    began = time.perf_counter()
    create(count)
    seconds = time.perf_counter() - began
    assert ground.count('pending') == count
    return count / seconds


def create_one_by_one(count: int) -> None:
    for _ in range(count):
        Job.create('Nothing', params={'n': 1})


def create_together(count: int) -> None:
    Job.create_many([{'action': 'Nothing', 'params': {'n': 1}}] * count)


@pytest.mark.parametrize(
    ('how', 'count', 'create', 'insert'),
    [
        ('Job.create one by one', ONE_BY_ONE, create_one_by_one, insert_one_by_one),
        ('Job.create_many', TOGETHER, create_together, insert_together),
    ],
    ids=['one', 'many'],
)
def test_enqueue(
    benchmark: Any,
    grounds: tuple[Ground, Ground],
    how: str,
    count: int,
    create: Callable[[int], None],
    insert: Callable[[Any, str, Rows], None],
) -> None:
    """In one process, each `Job.create` a transaction of its own."""
    ours, theirs = grounds
    with app_on(ours.url):
        create(count // 10)
        compare(
            benchmark,
            lambda: by_app(ours, create, count),
            lambda: by_hand(theirs, insert, count),
            what=f'enqueue, {NAMES[ours.kind]}, {how}',
            against='plain INSERTs',
            unit='jobs/s',
            plot='enqueue',
        )
