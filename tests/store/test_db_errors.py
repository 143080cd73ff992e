"""What an error of a driver means, and so what is done about it."""

import sqlite3

import psycopg
import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from wumai.store.db_errors import (
    Busy,
    InDoubt,
    Rejected,
    StoreError,
    Unavailable,
    passes,
    translate,
)


def wrapped(error, *, invalidated=False):
    """`error` as SQLAlchemy raises it."""
    return DBAPIError('UPDATE job', {}, error, connection_invalidated=invalidated)


def sqlite_error(code, kind=sqlite3.OperationalError):
    error = kind('text')
    error.sqlite_errorcode = code
    return error


def sqlstate(code):
    error = psycopg.DatabaseError('text')
    error.sqlstate = code
    return error


MYSQL = [
    (1205, Busy),  # lock wait timeout
    (1213, Busy),  # deadlock
    (1969, Busy),  # max_statement_time
    (1040, Unavailable),  # too many connections
    (1053, Unavailable),  # shutdown
    (1047, Unavailable),  # Galera: not primary
    (1290, Unavailable),  # --read-only
    (2003, Unavailable),  # refused
    (2006, Unavailable),  # gone away
    (2013, Unavailable),  # lost
    (1062, Rejected),  # duplicate
    (1366, Rejected),  # incorrect string
    (1406, Rejected),  # too long
    (1644, Rejected),  # SIGNAL of a trigger
    (3819, Rejected),  # CHECK, of MySQL
    (4025, Rejected),  # CHECK, of MariaDB
    (1054, StoreError),  # unknown column
]


@pytest.mark.parametrize(('code', 'kind'), MYSQL)
def test_mysql(code, kind):
    """By the code, whatever class PyMySQL gave it."""
    for raised in (pymysql.OperationalError, pymysql.InternalError, pymysql.DataError):
        assert type(translate(wrapped(raised(code, 'text')))) is kind


@pytest.mark.parametrize(
    ('code', 'kind'),
    [
        (sqlite3.SQLITE_BUSY, Busy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Busy),
        (sqlite3.SQLITE_LOCKED, Busy),
        (sqlite3.SQLITE_FULL, Unavailable),
        (sqlite3.SQLITE_READONLY, Unavailable),
        (sqlite3.SQLITE_CANTOPEN, Unavailable),
        (sqlite3.SQLITE_IOERR_WRITE, Unavailable),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, Rejected),
        (sqlite3.SQLITE_TOOBIG, Rejected),
        (sqlite3.SQLITE_ERROR, StoreError),
    ],
)
def test_sqlite(code, kind):
    """By the primary code of an extended one."""
    assert type(translate(wrapped(sqlite_error(code)))) is kind


@pytest.mark.parametrize(
    ('code', 'kind'),
    [
        ('40001', Busy),
        ('40P01', Busy),
        ('55P03', Busy),
        ('08006', Unavailable),
        ('53300', Unavailable),
        ('57P01', Unavailable),
        ('25006', Unavailable),
        ('22001', Rejected),
        ('23505', Rejected),
        ('P0001', Rejected),
        ('42703', StoreError),
    ],
)
def test_postgresql(code, kind):
    """By the class of the SQLSTATE, or the code itself."""
    assert type(translate(wrapped(sqlstate(code)))) is kind


@pytest.mark.parametrize(
    'error',
    [
        pymysql.InterfaceError(0, ''),  # used after it was closed
        psycopg.OperationalError('connection refused'),  # which has no SQLSTATE
        psycopg.errors.ConnectionTimeout('connection timeout expired'),
        psycopg.InterfaceError('the connection is closed'),
        ConnectionResetError(104, 'reset'),
        TimeoutError('timed out'),
        BrokenPipeError(32, 'broken'),
    ],
)
def test_a_lost_connection_without_a_code(error):
    """It must never be taken for something that is wrong with the row."""
    assert type(translate(wrapped(error))) is Unavailable
    assert type(translate(error)) is Unavailable


def test_a_pool_without_a_free_connection():
    """Waited for like a server that is away."""
    assert type(translate(PoolTimeout('QueuePool limit reached'))) is Unavailable


def test_a_connection_that_sqlalchemy_gave_up():
    """Whatever the code: it is lost."""
    error = wrapped(pymysql.InternalError('Packet sequence number wrong'), invalidated=True)
    assert type(translate(error)) is Unavailable


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (pymysql.OperationalError(2013, 'lost'), InDoubt),
        (pymysql.OperationalError(1180, 'got error during COMMIT'), InDoubt),
        (psycopg.OperationalError('server closed the connection'), InDoubt),
        (sqlite_error(sqlite3.SQLITE_IOERR), InDoubt),
        (pymysql.OperationalError(1213, 'deadlock'), Busy),
        (sqlite_error(sqlite3.SQLITE_BUSY), Busy),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT), Rejected),
    ],
)
def test_a_commit(error, kind):
    """A deadlock, also Galera's, and a constraint are definite; all else is in doubt."""
    assert type(translate(wrapped(error), committing=True)) is kind


@pytest.mark.parametrize(
    'error', [OverflowError('too large'), UnicodeEncodeError('utf-8', '\ud800', 0, 1, 'no')]
)
def test_a_value_that_the_driver_refuses(error):
    """Trying again changes nothing."""
    assert type(translate(error)) is Rejected


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (wrapped(pymysql.OperationalError(1213, 'deadlock')), True),
        (wrapped(pymysql.OperationalError(2006, 'gone away')), True),
        (PoolTimeout('no connection'), True),
        (InDoubt('lost'), False),  # it may be stored
        (wrapped(pymysql.IntegrityError(1062, 'duplicate')), False),
        (wrapped(pymysql.ProgrammingError(1146, 'no such table')), False),
        (InvalidRequestError('of a session'), False),
        (Rejected('too long'), False),
        (ConnectionRefusedError('of something else'), False),
    ],
)
def test_what_passes(error, expected):
    """A database that is away or busy, and nothing else that is."""
    assert passes(error) is expected


def test_an_error_of_sqlalchemy_itself():
    """Known to be a failure, and nothing more."""
    assert type(translate(InvalidRequestError('closed'))) is StoreError


def test_the_message_names_the_drivers_error():
    """Without the statement and its parameters, which may hold what is secret."""
    error = wrapped(pymysql.OperationalError(2013, 'Lost connection'))
    assert str(translate(error)) == "OperationalError: (2013, 'Lost connection')"


@pytest.mark.parametrize('database', ['sqlite_url', 'mysql_database', 'postgresql_database'])
def test_a_missing_table_is_told_with_what_makes_it(request, opened, database):
    """As each kind of database says it."""
    store = opened(request.getfixturevalue(database))
    with pytest.raises(StoreError, match=r'(?s)job.*\(make the tables with `wumai init-db`\)'):
        store.get_job('job-1')
