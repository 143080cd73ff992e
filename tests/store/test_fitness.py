"""Tables `job` that a team made itself: which of their columns do, and which would lose jobs."""

import re

import pytest
from sqlalchemy import text

from tests.store.conftest import NOW, made, put, row, take
from wumai.bootstrap import runtime_from
from wumai.config import Config
from wumai.entropy import RandomEntropy
from wumai.error import SchemaError
from wumai.job import ERROR, FINISHED, LONGEST_TOKEN, PENDING, Outcome, make_token
from wumai.store.fitness import ID_LENGTH

TOKEN = make_token('host:1:0123456789abcdef', '0123456789abcdef')


def run(store, *statements):
    with store.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def live(store):
    """A job of this table is claimed, renewed, retried, claimed again and finished."""
    put(store, row(project_id=None))
    for outcome in (
        Outcome('job-1', TOKEN, PENDING, error='failed', run_at=NOW),
        Outcome('job-1', TOKEN, FINISHED, result='5'),
    ):
        assert take(store, 'job-1', token=TOKEN) == ['job-1']
        assert store.renew([('job-1', TOKEN)], NOW) == ({('job-1', TOKEN)}, set())
        assert store.written([outcome]) == (set(), {'job-1'})
        assert store.write([outcome], NOW) == {'job-1'}
        assert store.written([outcome]) == ({'job-1'}, set())
    found = store.get_job('job-1')
    assert (found.status, found.result) == ('finished', '5')


def refused(store):
    """What is wrong with the table, without the rest of the one line."""
    with pytest.raises(SchemaError) as raised:
        store.problems(['job'])
    found = re.fullmatch(
        'table job would lose jobs: (.*): change it by ALTER TABLE', str(raised.value)
    )
    return found[1].split('; ')


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        ('id BIGINT AUTO_INCREMENT', 'id is BIGINT(20), has to be text, such as VARCHAR(32)'),
        ('id VARBINARY(40)', 'id is VARBINARY(40), has to be text, such as VARCHAR(32)'),
        ('status VARCHAR(7)', 'status is VARCHAR(7), has to be VARCHAR(8) or longer, or ENUM of '),
        ('status VARBINARY(10)', 'status is VARBINARY(10), has to be VARCHAR(8) or longer, or '),
        (
            "status ENUM('pending','finished','failed')",
            "status is ENUM('pending','finished','failed'), has to be VARCHAR(8) or longer, or "
            'ENUM of pending, running, finished, error',
        ),
        ('result VARCHAR(20)', 'result is VARCHAR(20), has to be TEXT, or VARCHAR(132) or longer'),
        ('result INT', 'result is INTEGER(11), has to be TEXT, or VARCHAR(132) or longer'),
        ('result BLOB', 'result is BLOB, has to be TEXT, or VARCHAR(132) or longer'),
        ('run_at INT', 'run_at is INTEGER(11), has to be DATETIME or TIMESTAMP, without a time z'),
        ('updated DATE', 'updated is DATE, has to be DATETIME or TIMESTAMP, without a time zone'),
        ('created VARCHAR(20)', 'created is VARCHAR(20), has to be DATETIME or TIMESTAMP, witho'),
        ('try_period TIME', 'try_period is TIME, has to be INTEGER'),
        ('try_max VARCHAR(9)', 'try_max is VARCHAR(9), has to be INTEGER'),
        ('trys BIT(8)', 'trys is BIT(8), has to be INTEGER'),
    ],
)
def test_a_column_of_mysql_that_loses_jobs(mysql, change, told):
    """Is named with what it is and has to be, and no server starts."""
    run(mysql, f'ALTER TABLE job MODIFY {change}')
    (found,) = refused(mysql)
    assert found.startswith(told)


def test_all_that_do_not_fit_are_told_at_once(mysql):
    """In one line."""
    run(mysql, 'ALTER TABLE job MODIFY id VARBINARY(9), MODIFY result VARCHAR(9), MODIFY trys BIT')
    assert [one.split()[0] for one in refused(mysql)] == ['id', 'result', 'trys']


def test_a_table_of_mysql_that_does(mysql):
    """Wider, of kindred types, in another case and with more columns: a job lives in each."""
    run(
        mysql,
        'ALTER TABLE job MODIFY id CHAR(26), MODIFY result VARCHAR(132), MODIFY params BLOB,'
        "MODIFY status ENUM('NEW', 'PENDING', 'RUNNING', 'FINISHED', 'ERROR'),"
        'MODIFY run_at TIMESTAMP NULL, MODIFY updated DATETIME(6), MODIFY action VARCHAR(200),'
        'MODIFY try_max SMALLINT UNSIGNED, MODIFY try_period DECIMAL(9, 2), '
        'CHANGE trys TRYS DOUBLE, ADD owner INT',
    )
    assert mysql.problems(['job']) == []
    live(mysql)
    run(mysql, "UPDATE job SET status = 'NEW'")  # which is the app's own
    assert mysql.get_job('job-1').status == 'NEW'


@pytest.mark.parametrize('kind', ['JSON', 'TINYTEXT', 'CHAR(255)', 'LONGTEXT'])
def test_a_result_of_mysql_that_does(mysql, kind):
    """Whatever text holds the token; MariaDB's JSON is text."""
    run(mysql, f'ALTER TABLE job MODIFY result {kind}')
    assert mysql.problems(['job']) == []
    live(mysql)


@pytest.fixture
def postgresql(postgresql_database, opened):
    return made(opened(postgresql_database))


@pytest.mark.parametrize(
    ('column', 'kind', 'told'),
    [
        ('id', 'UUID', 'id is UUID, has to be text, such as VARCHAR(32)'),
        ('status', 'state', 'status is state, has to be VARCHAR(8) or longer'),
        ('result', 'JSONB', 'result is JSONB, has to be TEXT, or VARCHAR(132) or longer'),
        ('result', 'CHAR(255)', 'result is CHAR(255), has to be TEXT, or VARCHAR(132) or longer'),
        ('params', 'JSONB', 'params is JSONB, has to be TEXT'),
        (
            'run_at',
            'TIMESTAMPTZ',
            'run_at is TIMESTAMP WITH TIME ZONE, has to be DATETIME or TIMESTAMP, without a time '
            'zone',
        ),
        ('trys', 'BOOLEAN', 'trys is BOOLEAN, has to be INTEGER'),
    ],
)
def test_a_column_of_postgresql_that_loses_jobs(postgresql, column, kind, told):
    """Likewise."""
    run(
        postgresql,
        "CREATE TYPE state AS ENUM ('pending', 'running', 'finished', 'error')",
        f'ALTER TABLE job ALTER {column} TYPE {kind} USING NULL',
    )
    assert refused(postgresql) == [told]


def test_a_table_of_postgresql_that_does(postgresql):
    """A domain is what it is made of."""
    run(
        postgresql,
        'CREATE DOMAIN name_of_job AS VARCHAR(64)',
        'ALTER TABLE job ALTER id TYPE name_of_job, ALTER result TYPE VARCHAR(132),'
        'ALTER try_max TYPE SMALLINT, ALTER try_period TYPE NUMERIC, ALTER trys TYPE REAL,'
        'ALTER updated TYPE TIMESTAMP(3)',
    )
    assert postgresql.problems(['job']) == []
    live(postgresql)


def table_of_sqlite(store, key):
    run(store, 'DROP TABLE job')
    run(
        store,
        f'CREATE TABLE job ({key}, project_id, action, status INT, error, result JSON, params,'
        ' updated INT, created INT, run_at INT, try_period TEXT, try_max TEXT, trys TEXT)',
        'CREATE INDEX job_status_run_at ON job (status, run_at)',
    )


def test_a_key_of_sqlite_that_numbers_its_rows(sqlite):
    """It takes no text, while all else takes anything."""
    table_of_sqlite(sqlite, 'id INTEGER PRIMARY KEY')
    assert refused(sqlite) == ['id is INTEGER, has to be text, such as VARCHAR(32)']
    table_of_sqlite(sqlite, 'id VARCHAR(5) PRIMARY KEY')
    assert sqlite.problems(['job']) == []
    put(sqlite, row())
    assert take(sqlite, 'job-1', token=TOKEN) == ['job-1']
    assert sqlite.write([Outcome('job-1', TOKEN, ERROR)], NOW) == {'job-1'}


def test_the_lengths_are_those_of_what_is_written(monkeypatch):
    """An id, and the token of a worker on the host with the longest name."""
    monkeypatch.setattr('socket.gethostname', lambda: 'h' * 64)
    monkeypatch.setattr('os.getpid', lambda: 2**22)
    runtime = runtime_from(Config())
    token = make_token(runtime.worker_name, runtime.entropy.nonce())
    assert len(token) == LONGEST_TOKEN
    assert len(RandomEntropy().job_id(NOW)) == ID_LENGTH


def test_a_result_of_sqlite_that_is_a_number(sqlite):
    """As which a column of the type JSON keeps it."""
    table_of_sqlite(sqlite, 'id VARCHAR(32) PRIMARY KEY')
    live(sqlite)
