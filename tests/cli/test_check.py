"""`wumai check`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.cli.running import clean_environ, wumai
from tests.redis import RedisServer

SMS = ('NOTIFY_SMS_URL', 'NOTIFY_SMS_KEY', 'NOTIFY_SMS_SECRET', 'NOTIFY_SMS_MOBILES')


def lines(output: str) -> dict[str, str]:
    """The findings by their subjects: mark and text."""
    found = [line for line in output.splitlines() if line[4:6] == '  ']
    return {line[6:21].strip(): f'{line[:4].strip()} {line[23:]}' for line in found}


def run(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_all_is_right(database: str) -> None:
    """Each finding is ok, or a note of no weight; the exit code is 0."""
    found = lines(wumai('check', '--database', database).output)
    assert {text.split()[0] for text in found.values()} == {'ok', '-'}
    assert found['table job'] == 'ok has all columns'
    assert found['writing'] == 'ok a job was made, claimed and ended, and rolled back'
    assert {'versions', 'server', 'clock', 'isolation', 'slack', 'sms'} <= set(found)


def test_how_workers_learn_of_jobs(database: str, redis_server: RedisServer) -> None:
    """By polling, or by a Redis that answers; one that does not stops no server."""

    def found(**env: str) -> str:
        return lines(wumai('check', '--database', database, env=env).output)['wake-ups']

    assert found() == '- by polling alone: REDIS_HOST not set'
    assert found(**redis_server.settings) == f'ok by Redis at 127.0.0.1:{redis_server.port}'
    redis_server.stop()
    assert found(**redis_server.settings).startswith('hint by polling alone: Error')


def test_what_mariadb_is_asked(mysql_database: str) -> None:
    """Its version, clock, isolation, SKIP LOCKED, engine and character set."""
    wumai('init-db', '--database', mysql_database)
    found = lines(wumai('check', '--database', mysql_database).output)
    assert 'MariaDB' in found['server']
    assert found['clock'].startswith('ok the database is 0.0 s')
    assert found['isolation'] == 'ok READ COMMITTED'
    assert found['claims'].startswith('ok SKIP LOCKED')
    assert (found['engine'], found['charset']) == ('ok InnoDB', 'ok utf8mb4')


def test_what_is_wrong_with_a_table_of_mariadb(mysql_database: str) -> None:
    """A table without transactions stops a server, a narrow character set does not."""
    wumai('init-db', '--database', mysql_database)
    run(mysql_database, 'ALTER TABLE job CONVERT TO CHARACTER SET utf8mb3')
    found = lines(wumai('check', '--database', mysql_database).output)
    assert found['charset'].startswith('hint error, result, params cannot hold emoji')
    run(mysql_database, 'ALTER TABLE job ENGINE=MyISAM')
    result = wumai('check', '--database', mysql_database, code=1)
    assert lines(result.stdout)['engine'].startswith('FAIL MyISAM has no transactions')
    assert result.stderr == 'a server would not run: see what FAILs above\n'


def test_times_that_mysql_converts(mysql_database: str) -> None:
    """By the time zone of the session, so that another session reads others; in UTC none is."""
    wumai('init-db', '--database', mysql_database)

    def found(zone: str) -> dict[str, str]:
        url = f"{mysql_database}&init_command=SET time_zone = '{zone.replace('+', '%2B')}'"
        return lines(wumai('check', '--database', url).output)

    assert 'time zone' not in found('+09:00')
    run(mysql_database, 'ALTER TABLE job MODIFY run_at TIMESTAMP NULL')
    assert found('+09:00')['time zone'].startswith('hint run_at is TIMESTAMP and time_zone +09:00')
    assert 'time zone' not in found('+00:00')


def test_a_missing_column_and_a_missing_index(database: str) -> None:
    """The one stops a server, the other is a hint with the statement that makes it."""
    on = '' if database.startswith('sqlite') else ' ON job'
    run(database, f'DROP INDEX job_status_run_at{on}')
    output = wumai('check', '--database', database).output
    assert 'hint  table job' in output
    assert 'CREATE INDEX job_status_run_at ON job (status, run_at)' in output
    run(database, 'ALTER TABLE job DROP COLUMN error')
    found = lines(wumai('check', '--database', database, code=1).stdout)
    assert found['table job'].startswith('FAIL the database lacks job.error')


def test_the_journal_is_not_needed(database: str) -> None:
    """Nobody but @journalled asks for its table."""
    run(database, 'DROP TABLE operation')
    found = lines(wumai('check', '--database', database).output)
    assert found['table operation'].startswith('- is not there; @journalled needs it')


@pytest.mark.parametrize(
    ('url', 'told'),
    [
        (None, 'FAIL no database is set: DB_HOST'),
        ('nonsense', 'FAIL DB_URL is no SQLAlchemy URL'),
        (
            'mysql://me:hunter2@127.0.0.1:1/shop',
            'FAIL mysql+pymysql://me:***@127.0.0.1:1/shop does',
        ),
        ('mysql://me@127.0.0.1:1/shop?nonsense=1', 'FAIL pymysql refuses an option in DB_URL'),
    ],
)
def test_no_database(url: str | None, told: str) -> None:
    """Its failure is told, and the rest is checked all the same."""
    result = wumai('check', env={'DB_URL': url} if url else None, code=1)
    found = lines(result.stdout)
    assert found['database'].startswith(told)
    assert 'slack' in found
    assert 'hunter2' not in result.output


def test_channels(database: str) -> None:
    """On; off with what is missing; the values are never shown."""
    env = {'SLACK_WEBHOOK_URL': 'https://slack.invalid/hunter2', 'NOTIFY_SMS_KEY': 'hunter2'}
    result = wumai('check', '--database', database, env=env)
    found = lines(result.output)
    assert found['slack'] == 'ok on'
    assert found['sms'] == (
        'hint off, since only a part is set: '
        'NOTIFY_SMS_URL, NOTIFY_SMS_SECRET, NOTIFY_SMS_MOBILES missing'
    )
    assert 'hunter2' not in result.output
    assert lines(wumai('check', '--database', database, env=dict.fromkeys(SMS, 'http://x')).output)[
        'sms'
    ] == ('ok on')


APP = """
from wumai.config import CONF
from wumai.server import create_api, create_worker

CONF.apply(app_root='.', log_dir='logs')
api = create_api('api').route({'Hello': lambda: {}})
worker = create_worker().route({'Greet': lambda job: None, 'Part': lambda job: None})
"""


def check_app(folder: Path, *arguments: str, url: str = '') -> tuple[int, dict[str, str]]:
    """`wumai check` of an app in a process, since it patches: its exit code and its findings."""
    done = subprocess.run(
        [sys.executable, '-m', 'wumai', 'check', *arguments],
        cwd=folder, env={**clean_environ(), 'DB_URL': url}, capture_output=True, text=True,
    )  # fmt: skip
    assert 'Traceback' not in done.stderr
    return done.returncode, lines(done.stdout)


def test_an_app(tmp_path: Path) -> None:
    """Its servers are named with what they do, and its own settings are checked."""
    url = f'sqlite:///{tmp_path}/wumai.db'
    wumai('init-db', '--database', url)
    tmp_path.joinpath('shop.py').write_text(APP)
    code, found = check_app(tmp_path, 'shop:worker', url=url)
    assert code == 0
    assert found['app'] == 'ok shop:worker, worker of Greet, Part'
    assert (found['app_root'], found['log_dir']) == ('ok .', 'ok logs, writable')


def test_an_app_root_that_is_not_there(tmp_path: Path) -> None:
    """Stops no server but a worker without routes, which is to load its own from there."""
    app = APP.replace("app_root='.'", "app_root='nowhere'")
    tmp_path.joinpath('shop.py').write_text(app + '\nbare = create_worker()\n')
    code, found = check_app(tmp_path, 'shop:api')
    assert (code, found['app_root'].partition(':')[0]) == (0, 'hint nowhere is no folder')
    code, found = check_app(tmp_path, 'shop:bare')
    assert code == 1
    assert found['app'].startswith('FAIL')


@pytest.mark.parametrize('setting', ["max_body='1MB'", 'log_dir=5'])
def test_a_setting_of_the_wrong_type(tmp_path: Path, setting: str) -> None:
    """No server is made with it; one that was made before it was set would not be made again."""
    wrong = f'CONF.apply({setting})'
    before, after = APP.replace('api = ', f'{wrong}\napi = '), f'{APP}\n{wrong}'
    for app, subject in ((before, 'app'), (after, 'settings')):
        tmp_path.joinpath('shop.py').write_text(app)
        code, found = check_app(tmp_path, 'shop:api')
        assert code == 1
        assert f'{setting.partition("=")[0]} must be a' in found[subject]
        assert found[subject].startswith('FAIL')


def test_an_api_without_a_journal_needs_no_database(tmp_path: Path) -> None:
    """So that none is asked for."""
    tmp_path.joinpath('shop.py').write_text(APP)
    code, found = check_app(tmp_path, 'shop:api')
    assert code == 0
    assert found['app'] == 'ok shop:api, api of Hello'
    assert found['database'].startswith('- not needed')


def test_an_app_that_cannot_be_imported(tmp_path: Path) -> None:
    """Told with the place."""
    tmp_path.joinpath('shop.py').write_text('import not_there')
    code, found = check_app(tmp_path, 'shop:api')
    assert code == 1
    assert found['app'].startswith(f'FAIL cannot import shop: {tmp_path}{os.sep}shop.py:1: Module')
    assert found['log_dir'] == 'FAIL not set: wumai.config.CONF.apply(log_dir=...)'
