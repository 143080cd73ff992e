"""What `wumai check` finds out by a job that it makes, claims and ends in the user's own table."""

import pytest
from sqlalchemy import create_engine, text

from tests.cli.running import wumai
from tests.cli.test_check import lines, run
from wumai.cli.check_database import findings
from wumai.config import Config


def found(url: str, *, code: int = 0) -> dict[str, str]:
    """What it says; there is no job afterwards."""
    result = wumai('check', '--database', url, code=code)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text('SELECT COUNT(*) FROM job')).scalar() == 0
    engine.dispose()
    return lines(result.stdout)


DONE = 'ok a job was made, claimed and ended, and rolled back'


def test_a_table_in_which_a_job_lives(database: str) -> None:
    """No job is left of it."""
    assert found(database)['writing'] == DONE


def test_a_table_of_other_types_in_which_it_does(mysql_database: str) -> None:
    """An ENUM in capitals, a BLOB and a DECIMAL come back as others than text and int."""
    wumai('init-db', '--database', mysql_database)
    run(
        mysql_database,
        "ALTER TABLE job MODIFY status ENUM('PENDING', 'RUNNING', 'FINISHED', 'ERROR'),"
        'MODIFY params BLOB, MODIFY trys DECIMAL(5, 2), MODIFY run_at TIMESTAMP NULL',
    )
    assert found(mysql_database)['writing'] == DONE


def test_a_column_of_the_apps_own_that_job_create_does_not_know(mysql_database: str) -> None:
    """May be filled by the app's own INSERT, so it stops no server; the reason is told."""
    wumai('init-db', '--database', mysql_database)
    run(mysql_database, 'ALTER TABLE job ADD owner INT NOT NULL')
    told = found(mysql_database)
    assert told['creating'].startswith('hint Job.create may fail: ')
    assert "'owner' doesn't have a default value" in told['creating']
    assert told['writing'].startswith('- tried without a job')


def test_a_project_that_has_to_be_there(postgresql_database: str) -> None:
    """A job of a project lives all the same; the row that was refused is not shown."""
    wumai('init-db', '--database', postgresql_database)
    run(postgresql_database, 'ALTER TABLE job ALTER project_id SET NOT NULL')
    config = Config()
    config.apply(DB_URL=postgresql_database)
    told = {one.subject: f'{one.level} {one.text}' for one in findings(config, ['job'])}
    assert told['creating'].startswith('hint Job.create may fail: NotNullViolation: null value')
    assert 'Failing row' not in told['creating']
    assert told['writing'] == DONE


@pytest.mark.parametrize(
    ('change', 'options', 'told'),
    [
        (
            "MODIFY error VARCHAR(99) NOT NULL DEFAULT ''",
            '',
            'table job cannot be written: IntegrityError: (1048, ',
        ),
        (
            "ADD CHECK (status IN ('pending', 'running', 'finished'))",
            '',
            'table job cannot be written: ',
        ),
        (
            'MODIFY try_period TINYINT',
            '&sql_mode=NO_ENGINE_SUBSTITUTION',
            'table job would lose jobs: try_period came back otherwise than written',
        ),
    ],
)
def test_a_table_in_which_no_job_can_end(
    mysql_database: str, change: str, options: str, told: str
) -> None:
    """Stops a server, with what the server says, or what it did without a word."""
    wumai('init-db', '--database', mysql_database)
    run(mysql_database, f'ALTER TABLE job {change}')
    assert found(mysql_database + options, code=1)['writing'].startswith(f'FAIL {told}')


def test_nothing_is_tried_that_would_stay(mysql_database: str) -> None:
    """In a table without transactions."""
    wumai('init-db', '--database', mysql_database)
    run(mysql_database, 'ALTER TABLE job ENGINE=MyISAM')
    assert 'writing' not in found(mysql_database, code=1)
