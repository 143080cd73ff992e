"""Two connections at one table, on servers that lock rows."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError

from tests.store.conftest import NOW, made, put, row, take
from wumai.store.db_errors import Busy, translate
from wumai.store.engine import LOCK_WAIT, ROLES
from wumai.store.prepared import padded
from wumai.store.statements import LOCK_FREE
from wumai.worker.ahead import DRAWN_MAX


@pytest.fixture(params=['mysql', 'postgresql'])
def stores(request, opened):
    """Two stores on one database, as two workers have them."""
    url = request.getfixturevalue(f'{request.param}_database')
    return made(opened(url)), opened(url)


def lock(connection, job_id):
    connection.execute(text(f"SELECT id FROM job WHERE id = '{job_id}' FOR UPDATE"))


def test_a_locked_row_is_skipped(stores):
    """The claim neither waits for it nor takes it, and takes the next."""
    one, other = stores
    put(one, row('job-1'), row('job-2'))
    with other.engine.connect() as connection:
        lock(connection, 'job-1')
        assert take(one, 'job-1', 'job-2') == ['job-2']
    assert one.get_job('job-1') == row('job-1')


def test_a_long_list_locks_no_more_than_it_takes(stores):
    """As long as a worker draws at most; MariaDB joins a longer one as a table."""
    one, other = stores
    ids = [f'job-{number:03}' for number in range(DRAWN_MAX)]
    put(one, *(row(job_id) for job_id in ids))
    with one._prepared() as work:
        values = {'b_ids': padded(ids), 'b_limit': 10, 'b_now': str(NOW.replace(tzinfo=None))}
        assert len(work.rows(LOCK_FREE, values)) == 10
        assert take(other, *ids) == ids[10:]


def test_a_locked_row_costs_no_other_its_lease(stores):
    """A heartbeat does not wait for it: it is neither renewed nor lost."""
    one, other = stores
    put(one, row('job-1'), row('job-2'))
    take(one, 'job-1', 'job-2')
    first, second, gone = ('job-1', 'token'), ('job-2', 'token'), ('job-2', 'other')
    later = NOW + timedelta(seconds=5)
    with other.engine.connect() as connection:
        lock(connection, 'job-1')
        assert one.renew([first, second, gone], later) == ({second}, {gone})
    assert one.get_job('job-2').updated == later
    assert one.renew([first], later) == ({first}, set())


def test_a_locked_row_does_not_hold_up_a_rescuer(stores):
    """As where a server has not yet noticed that the worker is gone which was writing it."""
    one, other = stores
    put(one, row(status='running', result='token', updated=NOW - timedelta(hours=1)))
    (expired,) = one.expired(NOW, 9)
    with other.engine.connect() as connection:
        lock(connection, 'job-1')
        assert not one.rescue(expired, NOW, NOW)
    assert one.rescue(expired, NOW, NOW)


def test_a_claim_locks_nothing_but_its_rows(stores):
    """Inserts, and claims of other rows, go on while it is open; the table may be unindexed."""
    one, other = stores
    put(one, *(row(f'job-{n}') for n in range(6)))
    with one.engine.begin() as connection:
        dialect = connection.dialect.name
        on_table = ' ON job' if dialect == 'mysql' else ''
        connection.execute(text(f'DROP INDEX job_status_run_at{on_table}'))
    with other.engine.connect() as connection:
        lock(connection, 'job-0')
        connection.execute(text("UPDATE job SET status = 'running' WHERE id = 'job-0'"))
        assert take(one, 'job-1', 'job-2') == ['job-1', 'job-2']
        put(one, row('job-7'))


def rewritten(store, old, new):
    """Have the server get other statements than ours, as one that understands them otherwise."""

    def rewrite(_connection, _cursor, statement, parameters, _context, _many):
        return statement.replace(old, new), parameters

    event.listen(store.engine, 'before_cursor_execute', rewrite, retval=True)


def test_an_old_server_is_asked_what_it_knows(stores):
    """One that takes SKIP LOCKED for a syntax error is claimed from without it."""
    one, _ = stores
    if one.engine.dialect.name != 'mysql':
        pytest.skip('every PostgreSQL that is supported knows it')
    rewritten(one, 'SKIP LOCKED', 'SKIP WHAT')
    put(one, row('job-1'))
    assert take(one, 'job-1') == ['job-1']
    with one.engine.connect() as connection:
        assert not one.limits.skips_locked(connection)


def test_a_server_that_locks_nothing_gives_a_row_to_one(stores):
    """It reads SKIP LOCKED and does nothing about it, as TiDB does."""
    one, other = stores
    put(one, row('job-1'), row('job-2'))
    for store in stores:
        rewritten(store, ' FOR UPDATE SKIP LOCKED', '')
    between = []

    def meanwhile(_connection, _cursor, statement, *_):
        if statement.startswith('UPDATE') and not between:
            between.append('')
            between[:] = take(other, 'job-1', token='other')

    event.listen(one.engine, 'before_cursor_execute', meanwhile)
    assert take(one, 'job-1', 'job-2', token='one') == ['job-2']
    assert between == ['job-1']
    assert one.get_job('job-1').trys == 1


@pytest.mark.parametrize('skips', [True, False])
def test_no_row_is_taken_twice(stores, skips):
    """Many claims at once over two connections: each row goes to one, with and without
    SKIP LOCKED.
    """
    ids = [f'job-{n:02}' for n in range(40)]
    put(stores[0], *(row(job_id) for job_id in ids))
    taken = [[], []]

    def claim(index):
        stores[index].limits._skips_locked = skips
        for turn in range(0, 40, 4):
            part = ids[turn : turn + 8] if index else ids[-8 - turn : 40 - turn]
            try:
                taken[index] += take(stores[index], *part, token=f'token-{index}')
            except Busy:
                continue

    threads = [threading.Thread(target=claim, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken[0]) | set(taken[1])) == len(taken[0]) + len(taken[1]) > 0
    for index in (0, 1):
        assert {claim.id for claim in stores[0].held(ids, f'token-{index}')} == set(taken[index])


def test_without_skip_locked_a_claim_sees_what_others_left(stores):
    """An old server's claim waits for a locked row; it was put off meanwhile and is not taken."""
    one, other = stores
    put(one, row())
    one.limits._skips_locked = False
    with other.engine.connect() as connection:
        lock(connection, 'job-1')
        taken = []
        thread = threading.Thread(target=lambda: taken.extend(take(one, 'job-1')))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        connection.execute(
            text("UPDATE job SET trys = 1, run_at = '2026-01-02' WHERE id = 'job-1'")
        )
        connection.commit()
    thread.join(10)
    assert taken == []
    assert (one.get_job('job-1').status, one.get_job('job-1').trys) == ('pending', 1)


def test_an_init_command_in_the_url_is_kept(mysql_database, opened):
    """Beside what a worker asks for."""
    url = make_url(mysql_database).update_query_dict({'init_command': "SET time_zone = '+05:00'"})
    with opened(url.render_as_string(hide_password=False)).engine.connect() as connection:
        found = connection.execute(text('SELECT @@time_zone, @@innodb_lock_wait_timeout')).one()
    assert tuple(found) == ('+05:00', LOCK_WAIT)


def test_a_write_that_waits_for_a_lock_is_busy(mysql_database, opened):
    """Soon, since others wait with it; the driver would wait longer for a lost connection."""
    one, other = made(opened(mysql_database)), opened(mysql_database)
    put(one, row())
    with other.engine.connect() as connection, one.engine.connect() as waiting:
        lock(connection, 'job-1')
        patience = waiting.execute(text('SELECT @@innodb_lock_wait_timeout')).scalar_one()
        assert patience == LOCK_WAIT < ROLES['worker'].statement_timeout
        waiting.execute(text('SET innodb_lock_wait_timeout = 0'))
        with pytest.raises(OperationalError) as raised:
            one.cancel('job-1', NOW, waiting)
    assert type(translate(raised.value)) is Busy
