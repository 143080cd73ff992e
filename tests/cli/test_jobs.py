"""`wumai jobs`, on SQLite and on MariaDB."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, update

from tests.cli.running import wumai
from wumai.job import make_token
from wumai.store.schema import job

THEN = datetime(2025, 3, 4, 5, 6, 7)


class Table:
    """The table `job` of a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url)

    def add(self, job_id: str, **columns: Any) -> str:
        """A row with what is usual where `columns` does not say otherwise."""
        usual = {
            'action': 'CreateInstance', 'status': 'pending', 'project_id': 'p1', 'params': '{}',
            'trys': 0, 'try_max': 3, 'try_period': 60, 'run_at': THEN, 'updated': THEN,
            'created': THEN,
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(insert(job).values(id=job_id, **{**usual, **columns}))
        return job_id

    def set(self, job_id: str, **columns: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(job).where(job.c.id == job_id).values(**columns))

    def get(self, job_id: str) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(select(job).where(job.c.id == job_id)).one()

    def jobs(self, command: str, *arguments: str, code: int = 0) -> Any:
        """Run `wumai jobs` on it."""
        return wumai('jobs', command, '--database', self.url, *arguments, code=code)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def rows(database: str) -> Iterator[Table]:
    """A table without rows."""
    table = Table(database)
    yield table
    table.close()


def shown(output: str) -> list[str]:
    """The ids of a listing."""
    return [line.split()[0] for line in output.splitlines()[1:]]


def test_the_list_is_a_table(rows: Table) -> None:
    """The newest first; what a running job's token holds is not shown."""
    rows.add('job-1', status='error', trys=3, error='Boom: it\nTraceback')
    rows.add('job-2', status='running', trys=1, result=make_token('w', 'n'))
    assert rows.jobs('list').output == (
        'ID     STATUS   TRIES  TIME (UTC)  ACTION          ERROR\n'
        'job-2  running  1/3    2025-03-04  CreateInstance\n'
        'job-1  error    3/3    2025-03-04  CreateInstance  Boom: it\n'
    )


def test_the_list_is_filtered(rows: Table) -> None:
    """By status, action and project."""
    rows.add('job-1', status='error')
    rows.add('job-2', action='Resize')
    rows.add('job-3', project_id='p2')
    assert shown(rows.jobs('list', '--status', 'error').output) == ['job-1']
    assert shown(rows.jobs('list', '--action', 'Resize').output) == ['job-2']
    assert shown(rows.jobs('list', '--project', 'p2').output) == ['job-3']
    nothing = rows.jobs('list', '--status', 'finished')
    assert (nothing.stdout, nothing.stderr) == ('', 'no such jobs\n')


def test_the_list_comes_in_pages(rows: Table) -> None:
    """In the order that is asked for; stderr names the option for the next page."""
    for number in range(1, 6):
        rows.add(f'job-{number}')
    first = rows.jobs('list', '--limit', '2')
    assert shown(first.stdout) == ['job-5', 'job-4']
    assert first.stderr == 'for more: --after job-4\n'
    assert shown(rows.jobs('list', '--after', 'job-4').stdout) == ['job-3', 'job-2', 'job-1']
    oldest = rows.jobs('list', '--oldest', '--after', 'job-3')
    assert shown(oldest.stdout) == ['job-4', 'job-5']


def test_the_list_as_json(rows: Table) -> None:
    """All columns, those of JSON read, secrets masked, times with their zone."""
    rows.add('job-1', status='finished', params='{"password": "x", "n": 1}', result='{"ok": true}')
    rows.add('job-2', status='running', result=make_token('w', 'n'), params=None, run_at=None)
    newest, oldest = json.loads(rows.jobs('list', '--json').stdout)
    assert oldest == {
        'id': 'job-1', 'project_id': 'p1', 'action': 'CreateInstance', 'status': 'finished',
        'error': None, 'result': {'ok': True}, 'params': {'password': '***', 'n': 1},
        'updated': '2025-03-04T05:06:07Z', 'created': '2025-03-04T05:06:07Z',
        'run_at': '2025-03-04T05:06:07Z', 'try_period': 60, 'try_max': 3, 'trys': 0,
    }  # fmt: skip
    assert (newest['result'], newest['params'], newest['run_at']) == (None, {}, None)


def test_show_tells_all_columns(rows: Table) -> None:
    """JSON is indented, lines of an error stay, secrets are masked."""
    rows.add('job-1', status='error', trys=1, params='{"token": "t", "a": 1}',
             error='Boom: password=hunter2\n  at line 1')  # fmt: skip
    assert rows.jobs('show', 'job-1').output == (
        'id:         job-1\n'
        'project_id: p1\n'
        'action:     CreateInstance\n'
        'status:     error\n'
        'updated:    2025-03-04 05:06:07 UTC\n'
        'created:    2025-03-04 05:06:07 UTC\n'
        'run_at:     2025-03-04 05:06:07 UTC\n'
        'try_period: 60\n'
        'try_max:    3\n'
        'trys:       1\n'
        'params:     {\n'
        '              "token": "***",\n'
        '              "a": 1\n'
        '            }\n'
        'result:     -\n'
        'error:      Boom: password=***\n'
        '              at line 1\n'
    )


def test_show_of_several_jobs(rows: Table) -> None:
    """Those that are there are shown; a running one names its worker."""
    rows.add('job-1', status='running', result=make_token('host:7', 'n'))
    result = rows.jobs('show', 'job-1', 'job-8', 'job-9', code=1)
    assert 'result:     - (held by host:7)' in result.stdout
    assert result.stderr == 'job-8: there is no such job\njob-9: there is no such job\n'


def test_retry(rows: Table) -> None:
    """A job in error is pending and due now, with all its tries; no other job is touched."""
    rows.add('job-1', status='error', trys=3, error='Boom')
    rows.add('job-2', status='finished', trys=1)
    result = rows.jobs('retry', 'job-1', 'job-2', 'job-3', code=1)
    assert result.stdout == 'job-1: pending, due now\n'
    assert result.stderr == (
        'job-2: is finished; only a job in error can be retried\njob-3: there is no such job\n'
    )
    row = rows.get('job-1')
    assert (row.status, row.trys) == ('pending', 0)
    assert row.run_at > THEN


def test_cancel(rows: Table) -> None:
    """A pending job ends; a running one loses its token."""
    rows.add('job-1')
    rows.add('job-2', status='running', trys=1, result=make_token('w', 'n'))
    assert rows.jobs('cancel', 'job-1', 'job-2').output == 'job-1: cancelled\njob-2: cancelled\n'
    for row in (rows.get('job-1'), rows.get('job-2')):
        assert (row.status, row.error, row.result) == ('error', 'cancelled', None)
    again = rows.jobs('cancel', 'job-1', code=1)
    assert again.stderr == 'job-1: is error; it has ended already\n'


def test_rows_of_other_programs(rows: Table) -> None:
    """NULLs are shown as such, whatever is no JSON as it is."""
    nothing = dict.fromkeys(
        ['project_id', 'params', 'trys', 'try_max', 'try_period', 'run_at', 'updated', 'created']
    )
    rows.add('job-1', **nothing)
    rows.set('job-1', params='{"a')
    assert rows.jobs('list').output.splitlines()[1].split() == [
        'job-1', 'pending', '0/3', '-', 'CreateInstance',
    ]  # fmt: skip
    assert 'params:     {"a\n' in rows.jobs('show', 'job-1').output
    assert json.loads(rows.jobs('list', '--json').output)[0]['params'] == '{"a'


def test_numbers_that_sqlite_kept_as_text(tmp_path: Path) -> None:
    """One odd row costs the list nothing."""
    url = f'sqlite:///{tmp_path}/wumai.db'
    wumai('init-db', '--database', url)
    table = Table(url)
    table.add('job-1', try_max='many', run_at=THEN)
    assert 'job-1  pending  0/' in table.jobs('list').output
    table.close()


def test_the_database_of_the_environment(tmp_path: Path) -> None:
    """Used where none is named."""
    url = f'sqlite:///{tmp_path}/wumai.db'
    wumai('init-db', env={'DB_URL': url})
    assert wumai('jobs', 'list', env={'DB_URL': url}).stderr == 'no such jobs\n'


def test_a_database_without_tables(mysql_database: str) -> None:
    """Told what makes them."""
    result = wumai('jobs', 'list', '--database', mysql_database, code=1)
    assert result.stderr.startswith('wumai: the database lacks table job')
    assert 'wumai init-db' in result.stderr


def test_no_file_is_made_by_looking(tmp_path: Path) -> None:
    """An SQLite database that is not there is an error."""
    path = tmp_path / 'none.db'
    result = wumai('jobs', 'list', '--database', f'sqlite:///{path}', code=1)
    assert result.stderr == f'wumai: there is no database file {path}: `wumai init-db` makes it\n'
    assert not path.exists()


def test_a_database_that_is_away() -> None:
    """One line, without the password."""
    url = 'mysql://me:hunter2@127.0.0.1:1/a'
    result = wumai('jobs', 'list', '--database', url, code=1)
    assert result.stderr.startswith('wumai: mysql+pymysql://me:***@127.0.0.1:1/a does not answer')
    assert result.stderr.count('\n') == 1
    assert 'hunter2' not in result.output
