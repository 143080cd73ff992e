"""What only a connection to PostgreSQL needs."""

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from psycopg import waiting
from sqlalchemy import URL, make_url, text

from tests.chaos.proxy import HOLE, PASS, Proxy
from tests.store.conftest import NOW, columns_of, made, put, row, take
from wumai.clock import SystemClock
from wumai.job import Outcome
from wumai.store.db_errors import Busy, InDoubt, Rejected, Unavailable
from wumai.store.engine import ROLES, Role, make_engine
from wumai.store.sql import SqlStore

Opening = Callable[[URL, Role], SqlStore]
HASTY = ROLES['worker'].within(1.2)


@pytest.fixture
def url(postgresql_database) -> URL:
    return make_url(postgresql_database)


@pytest.fixture
def proxy(url) -> Iterator[Proxy]:
    """On the way to the server."""
    with Proxy(url.port or 0) as proxy:
        yield proxy


@pytest.fixture
def opened_for() -> Iterator[Opening]:
    """Opens stores by URL and role, and closes them at the end."""
    stores = []

    def open_store(url: URL, role: Role) -> SqlStore:
        stores.append(SqlStore(make_engine(url, role, SystemClock())))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@contextmanager
def in_time() -> Iterator[None]:
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < 5


def tcp_options(store: SqlStore) -> list[int]:
    """Of a connection: when it is asked first, and when it is given up; s and ms."""
    with store.engine.connect() as connection:
        number = connection.connection.dbapi_connection.fileno()
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as sock:
            names = socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT
            return [sock.getsockopt(socket.IPPROTO_TCP, name) for name in names]


@pytest.mark.parametrize('role', ['worker', 'heartbeat', 'app'])
def test_a_peer_that_is_gone_is_noticed(url, opened_for, role):
    """By the kernel, also where a statement may take as long as it likes."""
    assert tcp_options(opened_for(url, ROLES[role])) == [10, 30_000]


def test_what_the_url_says_goes_first(url, opened_for):
    """Whoever set it knows the network."""
    url = url.update_query_dict({'keepalives_idle': '60'})
    assert tcp_options(opened_for(url, ROLES['worker'])) == [60, 30_000]


def test_options_in_the_url_are_kept(url, opened_for):
    """Such as the schema of the tables, beside what a worker asks for."""
    url = url.update_query_dict({'options': '-c search_path=shop'})
    with opened_for(url, ROLES['worker']).engine.connect() as connection:
        asked = ('search_path', 'lock_timeout')
        found = [connection.exec_driver_sql(f'SHOW {name}').scalar_one() for name in asked]
    assert found == ['shop', '1s']


def test_a_locked_row_makes_a_write_busy(url, opened_for):
    """Not the server unavailable: so the writer goes on with the outcomes of the other rows."""
    store = made(opened_for(url, HASTY))
    put(store, row('job-1'), row('job-2'))
    take(store, 'job-1', 'job-2')
    one, other = (Outcome(job_id, 'token', 'finished') for job_id in ('job-1', 'job-2'))
    with store.engine.begin() as locking:
        locking.execute(text("SELECT id FROM job WHERE id = 'job-1' FOR UPDATE"))
        with pytest.raises(Busy):
            store.write([one, other], NOW)
        assert store.write([other], NOW) == {'job-2'}
    assert columns_of(store, 'job-1')['status'] == 'running'


@pytest.mark.parametrize('wait', [waiting.wait, waiting.wait_poll])
def test_a_black_hole_is_given_up_in_time(url, proxy, opened_for, monkeypatch, wait):
    """Connected or connecting, in a native thread and with gevent, where psycopg waits by poll."""
    monkeypatch.setattr(waiting, 'wait', wait)
    store = opened_for(url.set(port=proxy.ports[0]), HASTY)
    store.ping()
    proxy.tell(0, HOLE)
    for _ in range(2):
        with in_time(), pytest.raises(Unavailable):
            store.ping()
    proxy.tell(0, PASS)
    store.ping()


def test_a_commit_that_is_given_up_is_in_doubt(url, proxy, opened_for):
    """The server may have done it."""
    store = opened_for(url.set(port=proxy.ports[0]), HASTY)

    def cut_off() -> None:
        with store._writing() as connection:
            connection.execute(text('SELECT 1'))
            proxy.tell(0, HOLE)

    with in_time(), pytest.raises(InDoubt, match=r'no answer in 1\.2 s'):
        cut_off()


@pytest.mark.parametrize(
    ('role', 'limit'), [(ROLES['worker'], '1s'), (HASTY, '800ms'), (ROLES['app'], '0')]
)
def test_a_locked_row_is_waited_for_briefly(url, opened_for, role, limit):
    """The outcomes of other jobs wait with it; an app's own transactions wait as they are told."""
    with opened_for(url, role)._reading() as connection:
        assert connection.execute(text('SHOW lock_timeout')).scalar() == limit


def test_a_slow_statement_is_ended_by_the_server(url, opened_for):
    """Its connection is kept, and no statement is left behind on it."""
    store = opened_for(url, HASTY)
    before = backend(store)
    with pytest.raises(Unavailable, match='statement timeout'), store._reading() as connection:
        connection.execute(text('SELECT pg_sleep(5)'))
    assert backend(store) == before


def backend(store: SqlStore) -> int:
    """The server's process for its connection."""
    with store._reading() as connection:
        return int(connection.execute(text('SELECT pg_backend_pid()')).scalar_one())


def test_to_listen_is_to_wait(url, opened_for):
    """For longer than for any answer."""
    connection = opened_for(url, HASTY).engine.raw_connection().driver_connection
    connection.autocommit = True
    connection.execute('LISTEN anything')
    assert list(connection.notifies(timeout=1.5)) == []
    connection.execute('SELECT 1')
    connection.close()


@pytest.mark.parametrize('role', ['worker', 'app'])
def test_values_of_a_row_are_in_no_error(url, opened_for, role):
    """Nor in what a log shows of its causes; what is wrong is told all the same."""
    store, secret = made(opened_for(url, ROLES[role])), 'hunter' * 2
    with store.engine.begin() as connection:
        connection.execute(text('ALTER TABLE job ADD CONSTRAINT few CHECK (try_max < 10)'))
    with pytest.raises(Rejected, match='violates check constraint "few"') as raised:
        put(store, row(params=secret, try_max=20))
    assert secret not in ''.join(traceback.format_exception(raised.value))
