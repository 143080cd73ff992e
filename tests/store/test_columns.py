"""What a column of MySQL can hold, whatever the table was made with."""

import pytest
from sqlalchemy import text

from tests.store.conftest import NOW, columns_of, made, put, put_plain, row, take
from wumai.error import SchemaError
from wumai.job import ERROR, Outcome
from wumai.store.base import JobFilter

LONG = 'ü\U0001f600' * 40_000


def alter(store, change):
    with store.engine.begin() as connection:
        connection.execute(text(f'ALTER TABLE job {change}'))


def saved_error(store, message):
    """`message` after it has been the error of a job."""
    put(store, row())
    take(store, 'job-1')
    fitted = store.limits.fitting('error', message)
    outcome = Outcome('job-1', 'token', ERROR, error=fitted)
    assert store.write([outcome], NOW) == {'job-1'}
    found = store.get_job('job-1').error
    assert found == fitted
    return found


@pytest.mark.parametrize(
    ('change', 'size'),
    [
        ('MODIFY error TINYTEXT', 255),
        ('MODIFY error VARCHAR(100)', 100),
        ('MODIFY error TEXT', 65_535),
        ('MODIFY error MEDIUMTEXT', 16_777_215),
        ('CONVERT TO CHARACTER SET utf8mb3', 65_535),
        ('CONVERT TO CHARACTER SET latin1', 65_535),
    ],
)
def test_an_error_fits_its_column(mysql, change, size):
    """Cut to its length, cleaned of what its character set lacks; also one that is the table's."""
    alter(mysql, change)
    if change.startswith('CONVERT'):
        alter(mysql, 'MODIFY error TEXT')
    found = saved_error(mysql, LONG)
    assert mysql.limits.bytes_of('error') <= size
    assert len(found.encode()) in range(min(size, 240_000) - 3, size + 1)


def test_a_narrow_column(mysql):
    """Characters that it lacks become question marks."""
    alter(mysql, 'CONVERT TO CHARACTER SET utf8mb3')
    mysql.limits.__dict__.clear()
    mysql.limits.__init__(mysql.engine)
    assert saved_error(mysql, 'ü \U0001f600') == 'ü ?'


def test_a_larger_result_column_holds_more(mysql):
    """As much as it says, or as a packet carries."""
    alter(mysql, 'MODIFY result MEDIUMTEXT')
    result = '"' + 'x' * 100_000 + '"'
    assert mysql.limits.holds('result', result)
    put(mysql, row())
    take(mysql, 'job-1')
    mysql.write([Outcome('job-1', 'token', 'finished', result=result)], NOW)
    assert mysql.get_job('job-1').result == result


def test_a_packet_bounds_a_larger_column(mysql):
    """To MySQL too large a packet looks like a lost connection, so it is never sent."""
    with mysql.engine.begin() as connection:
        packet = connection.execute(text('SELECT @@max_allowed_packet')).scalar_one()
    alter(mysql, 'MODIFY result LONGTEXT')
    assert packet // 4 < mysql.limits.bytes_of('result') < packet // 2


def test_times_with_fractions(mysql):
    """DATETIME(6) columns: what others write with microseconds is due a second later at most."""
    alter(mysql, 'MODIFY run_at DATETIME(6), MODIFY updated DATETIME(6)')
    put_plain(mysql, id='job-1', action='Act', status='pending', run_at='2026-01-01 11:59:59.5')
    put_plain(mysql, id='job-2', action='Act', status='pending', run_at='2026-01-01 12:00:00.5')
    assert [one.id for one in mysql.candidates(NOW, 9)] == ['job-1']
    assert take(mysql, 'job-1', 'job-2') == ['job-1']
    assert columns_of(mysql)['updated'] == NOW
    assert mysql.renew([('job-1', 'token')], NOW) == ({('job-1', 'token')}, set())
    assert mysql.write([Outcome('job-1', 'token', 'finished')], NOW) == {'job-1'}


@pytest.mark.parametrize('url', ['sqlite_url', 'mysql_database', 'postgresql_database'])
def test_a_missing_index_is_told(request, opened, url):
    """With the statement that makes it; one that begins likewise will do."""
    store = made(opened(request.getfixturevalue(url)))
    make = 'CREATE INDEX job_status_run_at ON job (status, run_at{})'
    with store.engine.begin() as connection:
        connection.execute(
            text('DROP INDEX job_status_run_at' + (' ON job' if url.startswith('mysql') else ''))
        )
    (hint,) = store.problems(['job'])
    assert make.format('') in hint
    with store.engine.begin() as connection:
        connection.execute(text(make.format(', action')))
    assert store.problems(['job']) == []


@pytest.mark.parametrize('url', ['sqlite_url', 'mysql_database', 'postgresql_database'])
def test_what_is_missing_is_listed(request, opened, url):
    """Tables and columns, all in one message with the cure."""
    empty = opened(request.getfixturevalue(url))
    with pytest.raises(SchemaError, match='table job, table operation'):
        empty.problems(['job', 'operation'])
    made(empty)
    for column in ('try_max', 'params'):
        alter(empty, f'DROP COLUMN {column}')
    with pytest.raises(SchemaError, match=r'lacks job\.params, job\.try_max: .*wumai init-db'):
        empty.problems(['job'])
    assert empty.problems(['operation']) == []


def test_columns_in_capitals(sqlite):
    """SQL does not mind, and so do we not."""
    alter(sqlite, 'RENAME COLUMN try_max TO TRY_MAX')
    assert sqlite.problems(['job']) == []
    put(sqlite, row())
    assert sqlite.list_jobs(JobFilter()) == [row()]


def test_large_results_share_no_packet(mysql):
    """A group of outcomes is written whole, although together they are too large for one."""
    alter(mysql, 'MODIFY result LONGTEXT')
    size = mysql.limits.bytes_of('result') * 9 // 10
    put(mysql, *(row(f'job-{n}') for n in range(4)))
    take(mysql, *(f'job-{n}' for n in range(4)))
    group = [
        Outcome(f'job-{n}', 'token', 'finished', result=f'"{n}{"x" * size}"') for n in range(4)
    ]
    assert mysql.write(group, NOW) == {f'job-{n}' for n in range(4)}
    assert [mysql.get_job(f'job-{n}').result[:2] for n in range(4)] == ['"0', '"1', '"2', '"3']
