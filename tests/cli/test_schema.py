"""`wumai schema` and `wumai init-db`."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.cli.running import wumai


@pytest.mark.parametrize(
    ('dialect', 'time'),
    [('mysql', 'DATETIME'), ('postgresql', 'TIMESTAMP'), ('sqlite', 'DATETIME')],
)
def test_the_ddl(dialect: str, time: str) -> None:
    """Both tables, and the index for the claims."""
    output = wumai('schema', '--dialect', dialect).output
    assert 'CREATE TABLE job (' in output
    assert 'CREATE TABLE operation (' in output
    assert 'CREATE INDEX job_status_run_at ON job (status, run_at);' in output
    assert f'run_at {time}' in output


def test_the_ddl_is_that_of_the_database() -> None:
    """Where no dialect is named; else that of MySQL."""
    assert 'TIMESTAMP' in wumai('schema', env={'DB_URL': 'postgresql://me@host/shop'}).output
    assert wumai('schema').output == wumai('schema', '--dialect', 'mysql').output


def test_the_ddl_makes_what_init_db_makes(tmp_path: Path) -> None:
    """It can be piped into the database's own client."""
    printed, made = (f'sqlite:///{tmp_path}/{name}.db' for name in ('printed', 'made'))
    engine = create_engine(printed)
    with engine.begin() as connection:
        for statement in wumai('schema', '--dialect', 'sqlite').output.split(';\n'):
            connection.execute(text(statement or 'SELECT 1'))
    wumai('init-db', '--database', made)
    assert columns(printed) == columns(made)
    engine.dispose()


def columns(url: str) -> dict[str, list[str]]:
    engine = create_engine(url)
    inspector = inspect(engine)
    found = {
        table: [column['name'] for column in inspector.get_columns(table)]
        for table in inspector.get_table_names()
    }
    engine.dispose()
    return found


def run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_init_db_makes_the_tables_once(database: str) -> None:
    """Again it does nothing, and says so; a row stays where it is."""
    run(database, "INSERT INTO job (id, action, status) VALUES ('job-1', 'A', 'pending')")
    output = wumai('init-db', env={'DB_URL': database}).output
    assert 'table job: is there\ntable operation: is there\n' in output
    assert 'job-1' in wumai('jobs', 'list', '--database', database).output


def test_init_db_says_what_it_made(mysql_database: str) -> None:
    """The password is not shown."""
    with_password = mysql_database.replace('root@', 'root:@')
    output = wumai('init-db', '--database', with_password).output
    assert output.endswith('table job: made\ntable operation: made\n')
    assert sorted(columns(mysql_database)) == ['job', 'operation']


def test_init_db_prints_what_a_table_lacks(database: str) -> None:
    """It alters nothing by itself; its statements mend the table."""
    run(database, 'ALTER TABLE job DROP COLUMN try_max', 'ALTER TABLE job DROP COLUMN error')
    result = wumai('init-db', '--database', database, code=1)
    assert result.stderr == 'not ready: job.error, job.try_max missing; run the ALTER TABLE above\n'
    statements = [line.strip() for line in result.stdout.splitlines() if 'ALTER' in line]
    assert statements == [
        'ALTER TABLE job ADD COLUMN error TEXT;',
        'ALTER TABLE job ADD COLUMN try_max INTEGER;',
    ]
    run(database, *(statement.rstrip(';') for statement in statements))
    wumai('init-db', '--database', database)


def test_init_db_tells_of_a_column_that_does_not_fit(mysql_database: str) -> None:
    """And that it is for a human to change."""
    wumai('init-db', '--database', mysql_database)
    run(mysql_database, 'ALTER TABLE job MODIFY result VARCHAR(20)')
    told = wumai('init-db', '--database', mysql_database, code=1).stderr
    assert 'result is VARCHAR(20), has to be TEXT, ' in told
    assert told.endswith(': change it by ALTER TABLE\n')


def test_init_db_prints_the_index_that_is_missing(database: str) -> None:
    """Which a server does without, so that the exit code is 0."""
    on = '' if database.startswith('sqlite') else ' ON job'
    run(database, f'DROP INDEX job_status_run_at{on}')
    output = wumai('init-db', '--database', database).output
    (statement,) = [line for line in output.splitlines() if 'CREATE INDEX' in line]
    run(database, statement.partition(': ')[2].rstrip(';'))
    assert 'CREATE INDEX' not in wumai('init-db', '--database', database).output
