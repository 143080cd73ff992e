"""Several hosts in one URL, and time limits on each connection."""

import socket
import time

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from tests.chaos.proxy import HOLE, PASS, Proxy
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.store import mysql
from wumai.store.db_errors import Unavailable
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai_testing.mariadb import MariaDB


def url_of(given: str):
    conf = Config()
    conf.apply(DB_URL=given)
    return database_url(conf)


@pytest.mark.parametrize(
    ('given', 'hosts'),
    [
        ('mysql+pymysql://u:p@one:3307,two/db', [('one', 3307), ('two', 3306)]),
        ('mysql://one,two:3308/db?charset=utf8mb4', [('one', 3306), ('two', 3308)]),
        ('mysql+pymysql://u@one/db?hosts=one:1,[::1]:2', [('one', 1), ('::1', 2)]),
        ('mysql+pymysql://u:a%2Cb@one/db', []),
    ],
)
def test_hosts_are_read_from_the_url(given, hosts):
    """After commas, or as `hosts` in the query; the driver gets neither."""
    url, found = mysql.take_hosts(url_of(given))
    assert found == hosts
    assert 'hosts' not in url.query
    assert url.host == 'one'
    assert url.database == 'db'


def test_postgresql_gets_hosts_as_it_knows_them():
    """It chooses among them by itself."""
    url = url_of('postgresql://u@one,two:5433/db')
    assert url.query['host'] == ('one:5432', 'two:5433')
    assert url.host is None


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def test_the_next_host_is_tried(mysql_database, closed_port, opened):
    """And the one that was good is tried first from then on."""
    live = make_url(mysql_database)
    url = f'mysql+pymysql://root@127.0.0.1:{closed_port},127.0.0.1:{live.port}/{live.database}'
    store = opened(url_of(url).render_as_string(hide_password=False))
    store.ping()
    store.engine.dispose()
    store.ping()


def test_a_host_that_answers_no_more_is_left(mysql_database):
    """Though it lets us connect, as a node of Galera does that is about to be cut off."""
    live = make_url(mysql_database)
    with Proxy(live.port or 0, 2) as proxy:
        hosts = ','.join(f'127.0.0.1:{port}' for port in proxy.ports)
        url = url_of(f'mysql+pymysql://root@{hosts}/{live.database}')
        engine = make_engine(url, ROLES['heartbeat'].within(1), SystemClock())
        assert port_of(engine) == proxy.ports[0]
        with pytest.raises(OperationalError), engine.connect() as connection:
            connection.execute(text('SELECT SLEEP(60)'))
        assert port_of(engine) == proxy.ports[1]
        engine.dispose()
        assert port_of(engine) == proxy.ports[1], 'it is kept'
        engine.dispose()


def test_a_read_only_host_is_passed_over(mysql_database):
    """As a replica is, also one that was the primary a moment ago."""
    if not MariaDB.available():
        pytest.skip('no MariaDB here')
    live = make_url(mysql_database)
    with MariaDB(['--read-only']) as replica:
        replica.execute(f'CREATE DATABASE {live.database}')
        hosts = f'127.0.0.1:{replica.port},127.0.0.1:{live.port}'
        url = url_of(f'mysql+pymysql://root@{hosts}/{live.database}')
        engine = make_engine(url, ROLES['worker'], SystemClock())
        assert port_of(engine) == live.port
        engine.dispose()


def port_of(engine):
    """Where a connection from the pool leads."""
    with engine.connect() as connection:
        return connection.connection.dbapi_connection.port


def test_no_host_at_all_is_unavailable(closed_port, opened):
    """As one host that is away is."""
    hosts = f'127.0.0.1:{closed_port},127.0.0.1:{closed_port}'
    store = opened(url_of(f'mysql+pymysql://root@{hosts}/db').render_as_string())
    with pytest.raises(Unavailable):
        store.ping()


def test_a_black_hole_is_given_up_in_time(mysql_database):
    """Connected or connecting: what is internal waits no longer than its role allows."""
    url = make_url(mysql_database)
    role = ROLES['heartbeat'].within(0.5)
    with Proxy(url.port or 0) as proxy:
        store = SqlStore(make_engine(url.set(port=proxy.ports[0]), role, SystemClock()))
        store.ping()
        proxy.tell(0, HOLE)
        for _ in range(2):
            began = time.perf_counter()
            with pytest.raises(Unavailable):
                store.ping()
            assert time.perf_counter() - began < 5
        proxy.tell(0, PASS)
        store.ping()
        store.close()


@pytest.mark.parametrize('role', ['worker', 'heartbeat', 'app'])
def test_a_peer_that_is_gone_is_noticed(mysql_database, role):
    """By the kernel, also where a statement may take as long as it likes."""
    store = SqlStore(make_engine(make_url(mysql_database), ROLES[role], SystemClock()))
    with store.engine.connect() as connection:
        sock = connection.connection.dbapi_connection._sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert bool(sock.gettimeout()) == (role != 'app')
    store.close()


@pytest.mark.parametrize('code', [1047, 1053, 1290, 1836])
def test_a_host_that_refuses_to_write_is_left(mysql, code):
    """All connections to it are thrown away, so that the next may reach another host."""
    with mysql.engine.connect() as connection:
        before = connection.execute(text('SELECT CONNECTION_ID()')).scalar()
    statement = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'refused'"
    with pytest.raises(Unavailable), mysql._writing() as connection:
        connection.execute(text(statement))
    with mysql.engine.connect() as connection:
        assert connection.execute(text('SELECT CONNECTION_ID()')).scalar() != before
