"""`wumai api` and `wumai worker`, as processes."""

import http.client
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.cli.running import process, running, wumai
from tests.waiting import LIMIT, until

APP = """
import time
from wumai.config import CONF
from wumai.server import create_api, create_worker

CONF.apply(app_root='.', log_dir='logs')

def hello():
    return {'text': 'hello world', 'patched': time.sleep.__module__}

def greet(job):
    time.sleep(0.01)
    return {'greeted': job.params['name']}

api = create_api('public').route({'Hello': hello})

def make_worker():
    return create_worker(poll_interval=0.1).route({'Greet': greet})

if __name__ == '__main__':
    raise SystemExit('imported as a script')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory of an app, the module `shop`."""
    tmp_path.joinpath('shop.py').write_text(APP)
    return tmp_path


def post(port: int, action: str) -> Any:
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=LIMIT)
    connection.request('POST', '/', json.dumps({'action': action}))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def first_line(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline()


def test_an_api_answers_and_stops(folder: Path) -> None:
    """It says where it listens; the app was imported into a patched process; SIGTERM is 0."""
    with running('api', 'shop:api', '--port=0', '--host=127.0.0.1', cwd=folder) as one:
        line = first_line(one)
        assert line.startswith('public listens on http://127.0.0.1:')
        assert line.endswith(', logs to logs/public\n')
        port = int(line.partition(',')[0].rpartition(':')[2])
        assert post(port, 'Hello') == {'text': 'hello world', 'patched': 'gevent.hub'}
        one.terminate()
        assert one.wait(LIMIT) == 0
        assert one.stderr is not None
        assert one.stderr.read() == ''
    assert 'Hello' in folder.joinpath('logs/public/access.log').read_text()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_worker_runs_jobs_and_stops(folder: Path, number: signal.Signals) -> None:
    """A row that plain SQL put in is run; a stop signal ends it with 0."""
    url = f'sqlite:///{folder}/wumai.db'
    wumai('init-db', '--database', url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO job (id, action, status, params)'
                """ VALUES ('j1', 'Greet', 'pending', '{"name": "you"}')"""
            )
        )

    def finished() -> bool:
        with engine.connect() as connection:
            return connection.execute(text('SELECT status FROM job')).scalar() == 'finished'

    with running('worker', 'shop:make_worker()', cwd=folder, env={'DB_URL': url}) as one:
        assert first_line(one) == 'worker starts, logs to logs/worker\n'
        until(finished)
        one.send_signal(number)
        assert one.wait(LIMIT) == 0
        assert one.stderr is not None
        assert one.stderr.read() == ''
    engine.dispose()


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['api', 'shop:apo'], "wumai: shop has no 'apo': did you mean 'api'?"),
        (['worker', 'shop:api'], 'wumai: shop:api is a Api, not what create_worker() returns'),
        (['worker', 'shop:make_worker'], 'wumai: shop:make_worker is a function: write '),
        (['worker', 'shop:make_worker()'], 'wumai: no database is set: DB_HOST, DB_USER'),
        (['api', 'shop:api', '--host=192.0.2.1'], 'wumai: cannot listen on 192.0.2.1:8080: '),
        (['api', 'shop:api', '--certfile=none'], 'wumai: cannot use the certificate in none: '),
    ],
)
def test_what_cannot_be_served(folder: Path, arguments: list[str], told: str) -> None:
    """One line on stderr, and exit code 1."""
    with process(*arguments, cwd=folder) as one:
        _, errors = one.communicate(timeout=LIMIT)
    assert errors.startswith(told)
    assert (errors.count('\n'), one.returncode) == (1, 1)


def test_an_app_without_its_settings(folder: Path) -> None:
    """The line of the app is named, and the call that mends it."""
    app = folder / 'shop.py'
    app.write_text('from wumai.server import create_api\n\napi = create_api()\n')
    with process('api', 'shop:api', cwd=folder) as one:
        _, errors = one.communicate(timeout=LIMIT)
    assert errors == (
        f'wumai: cannot import shop: {app}:3: ConfigError: app_root and log_dir must be set first: '
        'wumai.config.CONF.apply(app_root=..., log_dir=...)\n'
    )


def test_a_worker_without_its_table(folder: Path) -> None:
    """It stops at start, and says what makes the table."""
    with process(
        'worker', 'shop:make_worker()', cwd=folder, env={'DB_URL': f'sqlite:///{folder}/w.db'}
    ) as one:
        _, errors = one.communicate(timeout=LIMIT)
    assert (one.returncode, errors.count('\n')) == (1, 1)
    assert errors.startswith('wumai: the database lacks table job: ')


def test_an_api_without_the_table_of_jobs(folder: Path) -> None:
    """It serves, as it may create none, and says what it could not do."""
    env = {'DB_URL': f'sqlite:///{folder}/w.db'}
    with running('api', 'shop:api', '--port=0', '--host=127.0.0.1', cwd=folder, env=env) as one:
        assert one.stderr is not None
        line = one.stderr.readline()
        assert line.startswith('no job can be created: the database lacks table job: ')
        assert first_line(one).startswith('public listens on ')


@pytest.mark.parametrize(
    ('env', 'told'),
    [
        ({'DB_URL': 'mysql://me@127.0.0.1/shop?nonsense=1'}, 'pymysql refuses an option in DB_URL'),
        ({'DB_URL': 'nonsense://me@127.0.0.1/shop'}, 'no driver for nonsense: '),
        ({'DB_HOST': '127.0.0.1'}, 'no database is set: DB_USER, DB_DATABASE missing.'),
    ],
)
def test_an_api_with_wrong_settings(folder: Path, env: dict[str, str], told: str) -> None:
    """It serves likewise, and says what is wrong."""
    with running('api', 'shop:api', '--port=0', '--host=127.0.0.1', cwd=folder, env=env) as one:
        assert one.stderr is not None
        assert one.stderr.readline().startswith(f'no job can be created: {told}')


def test_an_api_without_a_database(folder: Path) -> None:
    """It may do without, and nothing is said."""
    with running('api', 'shop:api', '--port=0', '--host=127.0.0.1', cwd=folder) as one:
        assert first_line(one).startswith('public listens on ')
        one.terminate()
        assert one.stderr is not None
        assert one.stderr.read() == ''


JOURNALLED = """
from wumai.model import journalled
api.route({'Note': journalled()(hello)})
"""


@pytest.mark.parametrize(
    ('arguments', 'name'),
    [(['api', 'shop:api'], 'public'), (['worker', 'shop:make_worker()'], 'worker')],
)
def test_a_database_that_is_away(folder: Path, arguments: list[str], name: str) -> None:
    """Is waited for, and that is told where it is seen."""
    folder.joinpath('shop.py').write_text(APP + JOURNALLED)
    env = {'DB_URL': 'mysql://me@127.0.0.1:1/shop'}
    with running(*arguments, cwd=folder, env=env) as one:
        assert one.stderr is not None
        assert one.stderr.readline() == (
            f'the database does not answer: waiting for it, see logs/{name}/db.log\n'
        )
        one.terminate()
        one.wait(LIMIT)
    assert 'waiting for the database' in folder.joinpath(f'logs/{name}/db.log').read_text()
