"""Rows as only SQLite lets other programs write them: each costs itself alone."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from tests.store.conftest import NOW, columns_of, put, put_plain, row, take
from wumai.store.base import JobFilter
from wumai.store.schema import parse_time

NOON = int(NOW.timestamp() - datetime(1970, 1, 1).timestamp())


def set_raw(store, column, value, job_id='job-1'):
    with store.engine.begin() as connection:
        connection.execute(
            text(f'UPDATE job SET {column} = :value WHERE id = :id'),
            {'value': value, 'id': job_id},
        )


@pytest.mark.parametrize(
    ('stored', 'moment'),
    [
        ('2026-01-01 12:00:00', NOW),
        ('2026-01-01T12:00:00', NOW),
        ('2026-01-01T12:00:00Z', NOW),
        ('2026-01-01T21:00:00+09:00', NOW),
        ('2026-01-01 12:00:00.5', NOW + timedelta(milliseconds=500)),
        ('2026-01-01', datetime(2026, 1, 1)),
        (1_767_268_800, NOW),
        (1_767_268_800.5, NOW + timedelta(milliseconds=500)),
    ],
)
def test_times_are_parsed(stored, moment):
    """ISO 8601 with or without an offset, and Unix seconds."""
    assert parse_time(stored) == moment


@pytest.mark.parametrize(
    'stored', ['soon', '', '2026-13-01 00:00:00', '0001-01-01T00:00:00+09:00', b'\xff', 10**18]
)
def test_what_is_no_time_comes_back_as_it_is(stored):
    """Reading a row never fails."""
    assert parse_time(stored) == stored


@pytest.mark.parametrize('column', ['trys', 'try_max', 'try_period'])
@pytest.mark.parametrize('value', ['many', 'inf', b'\xff'])
def test_text_in_a_number(sqlite, column, value):
    """The row ends in error with the reason; the next one runs."""
    put(sqlite, row('job-1'), row('job-2'))
    set_raw(sqlite, column, value)
    claimed = sqlite.claim(['job-1', 'job-2'], 2, 'token', NOW)
    assert [claim.id for claim in claimed.claims] == ['job-2']
    ((job_id, reason),) = claimed.ended
    assert (job_id, reason.startswith(f'{column} is no whole number')) == ('job-1', True)
    assert columns_of(sqlite)['status'] == 'error'


def test_infinity_in_a_number(sqlite):
    """SQLite keeps it, as a number that is no whole one."""
    put(sqlite, row())
    set_raw(sqlite, 'trys', float('inf'))
    assert len(sqlite.claim(['job-1'], 1, 'token', NOW).ended) == 1


def test_bytes_in_text(sqlite):
    """They are read as UTF-8 as far as they are."""
    put(sqlite, row())
    set_raw(sqlite, 'action', b'Act\xff')
    (claim,) = sqlite.claim(['job-1'], 1, 'token', NOW).claims
    assert claim.action == 'Act�'


def test_text_that_is_no_utf8(sqlite):
    """Fails neither the claim of its row nor that of another, in whatever order they are read."""
    put(sqlite, row('job-1'), row('job-2'), row('job-3'))
    with sqlite.engine.begin() as connection:
        connection.execute(
            text("UPDATE job SET params = CAST(x'7bff7d' AS TEXT) WHERE id = 'job-2'")
        )
    claims = sqlite.claim(['job-1', 'job-2', 'job-3'], 3, 'token', NOW).claims
    assert [claim.params for claim in claims] == ['{}', '{\ufffd}', '{}']
    assert [one.params for one in sqlite.list_jobs(JobFilter())] == ['{}', '{\ufffd}', '{}']


@pytest.mark.parametrize('run_at', ['2026-01-01T11:00:00Z', 1_767_265_200, '2026-01-01T11:00'])
def test_a_due_time_in_another_form_is_rewritten(sqlite, run_at):
    """As text it sorts behind now, or before all others; rewritten it is found in its turn."""
    put(sqlite, row())
    set_raw(sqlite, 'run_at', run_at)
    assert sqlite.candidates(NOW, 9) == []
    assert sqlite.rewrite_times(NOW) == []
    assert columns_of(sqlite)['run_at'] == '2026-01-01 11:00:00'
    assert [one.id for one in sqlite.candidates(NOW, 9)] == ['job-1']
    assert take(sqlite, 'job-1') == ['job-1']


def test_a_time_in_the_future_is_rounded_up(sqlite):
    """No try begins before its time."""
    put(sqlite, row())
    set_raw(sqlite, 'run_at', '2026-01-01T12:00:00.25')
    sqlite.rewrite_times(NOW)
    assert columns_of(sqlite)['run_at'] == '2026-01-01 12:00:01'


def test_the_end_of_time(sqlite):
    """The last second that a time can have is not rounded beyond it."""
    put(sqlite, row())
    set_raw(sqlite, 'run_at', '9999-12-31T23:59:59.9')
    sqlite.rewrite_times(NOW)
    assert columns_of(sqlite)['run_at'] == '9999-12-31 23:59:59'


@pytest.mark.parametrize('run_at', ['soon', 'tomorrow', b'\xff', 10**18])
def test_what_is_no_time_ends_the_row(sqlite, run_at):
    """It would never be due, so somebody has to be told."""
    put(sqlite, row('job-1'), row('job-2'))
    set_raw(sqlite, 'run_at', run_at)
    ((job_id, reason),) = sqlite.rewrite_times(NOW)
    assert (job_id, 'run_at is no time' in reason) == ('job-1', True)
    assert (columns_of(sqlite)['status'], columns_of(sqlite)['error']) == ('error', reason)
    assert sqlite.get_job('job-2') == row('job-2')
    assert sqlite.rewrite_times(NOW) == []


def test_numbers_do_not_hide_due_rows(sqlite):
    """A number sorts before all text: a thousand of them in the future stand in nobody's way."""
    put(sqlite, *(row(f'job-{n}') for n in range(20)))
    for number in range(19):
        set_raw(sqlite, 'run_at', NOON + 86_400, f'job-{number}')
    assert [one.id for one in sqlite.candidates(NOW, 4)] == ['job-19']


@pytest.mark.parametrize('run_at', [NOON + 3600, '2026-01-01 11:00:00-09:00'])
def test_a_claim_compares_times_and_not_text(sqlite, run_at):
    """What sorts before now but is later is not taken before its time."""
    put(sqlite, row())
    set_raw(sqlite, 'run_at', run_at)
    assert take(sqlite, 'job-1') == []
    assert columns_of(sqlite)['status'] == 'pending'


@pytest.mark.parametrize('run_at', ['!', '2026-01-01 11:00'])
def test_what_sorts_before_now_is_settled_by_the_claim(sqlite, run_at):
    """Without a sweep: a time runs, no time ends."""
    put(sqlite, row())
    set_raw(sqlite, 'run_at', run_at)
    claimed = sqlite.claim(['job-1'], 1, 'token', NOW)
    assert (len(claimed.claims), len(claimed.ended)) == ((0, 1) if run_at == '!' else (1, 0))


@pytest.mark.parametrize(
    ('updated', 'rewritten'),
    [
        ('2026-01-01T11:00:00Z', '2026-01-01 11:00:00'),
        (1_767_265_200, '2026-01-01 11:00:00'),
        ('soon', None),
    ],
)
def test_a_lease_in_another_form(sqlite, updated, rewritten):
    """It is over at its time, and at once where it is no time: no row stays running for ever."""
    put(sqlite, row(status='running', result='token'))
    set_raw(sqlite, 'updated', updated)
    sqlite.rewrite_times(NOW)
    assert columns_of(sqlite)['updated'] == rewritten
    assert [one.id for one in sqlite.expired(NOW, 9)] == ['job-1']


def test_expired_reads_any_number(sqlite):
    """A row that cannot be read does not keep the others from being rescued."""
    put(sqlite, row('job-1', status='running', updated=None), row('job-2', status='running'))
    set_raw(sqlite, 'trys', float('inf'))
    set_raw(sqlite, 'try_max', 'many')
    (found,) = sqlite.expired(NOW, 9)
    assert (found.id, found.trys, found.try_max) == ('job-1', 0, 3)


def test_canonical_rows_are_left_alone(sqlite):
    """The sweep writes nothing where there is nothing to mend."""
    put(sqlite, row('job-1'), row('job-2', run_at=None), row('job-3', status='running'))
    before = sqlite.list_jobs(JobFilter())
    assert sqlite.rewrite_times(NOW) == []
    assert sqlite.list_jobs(JobFilter()) == before


def test_servers_have_no_odd_times(mysql):
    """Their columns hold times."""
    put(mysql, row())
    assert mysql.rewrite_times(NOW) == []


def test_mysql_zero_date(mysql):
    """`0000-00-00 00:00:00`, which MySQL may hold, ends its row alone."""
    with mysql.engine.begin() as connection:
        connection.execute(text("SET SESSION sql_mode = ''"))
        connection.execute(
            text(
                'INSERT INTO job (id, action, status, run_at)'
                " VALUES ('job-1', 'Act', 'pending', '0000-00-00')"
            )
        )
    put_plain(mysql, id='job-2', action='Act', status='pending')
    ids = [one.id for one in mysql.candidates(NOW, 9)]
    claimed = mysql.claim(ids, 9, 'token', NOW)
    assert [claim.id for claim in claimed.claims] == ['job-2']
    assert claimed.ended == [('job-1', "run_at is no time: '0000-00-00 00:00:00'")]
