"""The private database servers that other tests rely on."""

import socket
import threading

import pytest
from sqlalchemy import create_engine, text

from wumai_testing.mariadb import MariaDB


def test_mysql_database_is_new_and_empty(mysql_database: str) -> None:
    """Each test has a database of its own, without tables, on a durable server."""
    engine = create_engine(mysql_database)
    with engine.connect() as connection:
        assert connection.execute(text('SHOW TABLES')).all() == []
        durable = connection.execute(text('SELECT @@innodb_flush_log_at_trx_commit')).scalar()
    engine.dispose()
    assert durable == 1


def test_postgresql_database_is_new_and_empty(postgresql_database: str) -> None:
    """Likewise on PostgreSQL, where it is installed."""
    engine = create_engine(postgresql_database)
    tables = text("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
    with engine.connect() as connection:
        assert connection.execute(tables).all() == []
    engine.dispose()


@pytest.mark.skipif(not MariaDB.available(), reason='no MariaDB on this machine')
def test_mariadb_keeps_what_was_committed_when_killed() -> None:
    """kill and start come back with the committed rows; close ends a frozen one."""
    with MariaDB() as server:
        port = server.port
        server.execute('CREATE DATABASE app')
        server.execute('CREATE TABLE t (id int) ENGINE=InnoDB', 'app')
        server.execute('INSERT INTO t VALUES (7)', 'app')
        server.kill()
        assert server.pid is None
        server.start()
        assert (server.port, server.execute('SELECT id FROM t', 'app')) == (port, ((7,),))
        server.freeze()
    assert server.pid is None


@pytest.mark.skipif(not MariaDB.available(), reason='no MariaDB on this machine')
def test_mariadb_waits_for_its_port() -> None:
    """While a server is down somebody else may use its port for a moment."""
    with MariaDB() as server:
        server.kill()
        other = socket.create_server(('127.0.0.1', server.port))
        leaves = threading.Timer(0.5, other.close)
        leaves.start()
        server.start()
        leaves.join()
        assert server.execute('SELECT 1') == ((1,),)
