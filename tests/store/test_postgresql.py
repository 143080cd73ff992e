"""What only a connection to PostgreSQL needs."""

import socket
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import URL, make_url, text

from tests.store.conftest import NOW, columns_of, made, put, row, take
from wumai.clock import SystemClock
from wumai.job import Outcome
from wumai.store.db_errors import Busy
from wumai.store.engine import ROLES, Role, make_engine
from wumai.store.sql import SqlStore

Opening = Callable[[URL, Role], SqlStore]
HASTY = ROLES['worker'].within(0.6)


@pytest.fixture
def url(postgresql_database) -> URL:
    return make_url(postgresql_database)


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
