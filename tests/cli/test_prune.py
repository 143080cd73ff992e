"""`wumai jobs prune`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert, select

from tests.cli.running import wumai
from wumai.clock import SystemClock, floor_second
from wumai.store.schema import job

DAY = timedelta(days=1)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    one = create_engine(database)
    yield one
    one.dispose()


@pytest.fixture
def now() -> datetime:
    return floor_second(SystemClock().now())


def put(engine: Engine, *rows: tuple[str, str, datetime | None]) -> None:
    """Rows of id, status and updated."""
    usual: dict[str, Any] = {'action': 'Act', 'trys': 1, 'try_max': 3}
    values = [{'id': i, 'status': s, 'updated': u, **usual} for i, s, u in rows]
    with engine.begin() as connection:
        connection.execute(insert(job), values)


def ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(job.c.id).order_by(job.c.id)).scalars())


def test_old_finished_jobs_are_deleted(database: str, engine: Engine, now: datetime) -> None:
    """And nothing else."""
    put(
        engine,
        ('job-1', 'finished', now - 31 * DAY),
        ('job-2', 'finished', now - 29 * DAY),
        ('job-3', 'error', now - 31 * DAY),
        ('job-4', 'pending', now - 31 * DAY),
        ('job-5', 'running', now - 31 * DAY),
        ('job-6', 'finished', None),
    )
    done = wumai('jobs', 'prune', '--database', database, '--older-than', '30d')
    assert done.output == 'deleted 1 jobs\n'
    assert ids(engine) == ['job-2', 'job-3', 'job-4', 'job-5', 'job-6']


def test_failed_jobs_are_deleted_when_asked_for(
    database: str, engine: Engine, now: datetime
) -> None:
    """Both kinds may be."""
    put(engine, ('job-1', 'finished', now - DAY), ('job-2', 'error', now - DAY))
    arguments = ('--older-than', '12h', '--status', 'finished', '--status', 'error')
    assert 'deleted 2' in wumai('jobs', 'prune', '--database', database, *arguments).output
    assert ids(engine) == []


def test_it_goes_in_batches(database: str, engine: Engine, now: datetime) -> None:
    """Until nothing old is left."""
    put(engine, *((f'job-{n:02}', 'finished', now - DAY) for n in range(25)))
    put(engine, ('job-99', 'finished', now))
    arguments = ('--older-than', '1h', '--batch', '10')
    assert 'deleted 25' in wumai('jobs', 'prune', '--database', database, *arguments).output
    assert ids(engine) == ['job-99']


def test_a_claim_does_not_wait_for_it(mysql_database: str, now: datetime) -> None:
    """A batch locks the rows that it deletes, and no gap beside them."""
    wumai('init-db', '--database', mysql_database)
    one = create_engine(mysql_database, isolation_level='READ COMMITTED')
    put(one, *((f'job-{n}', 'finished', now - DAY) for n in range(5)), ('job-9', 'pending', now))
    with one.connect() as deleting, one.connect() as other:
        deleting.execute(job.delete().where(job.c.id.in_([f'job-{n}' for n in range(5)])))
        other.exec_driver_sql('SET innodb_lock_wait_timeout = 1')
        other.execute(job.update().where(job.c.id == 'job-9').values(status='running'))
        other.execute(insert(job).values(id='job-3x', action='Act', status='pending'))
        other.commit()
    one.dispose()


@pytest.mark.parametrize('age', ['30', 'd', '-1d', '1 week', ''])
def test_an_age_needs_a_unit(database: str, age: str) -> None:
    """What is none is an error that says so."""
    result = wumai('jobs', 'prune', '--database', database, '--older-than', age, code=2)
    assert 'is no age such as 30d' in result.output
