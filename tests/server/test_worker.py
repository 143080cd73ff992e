"""The worker as a process, on MariaDB and on SQLite."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tests.waiting import LIMIT, until
from wumai.clock import SystemClock, ceil_second, floor_second
from wumai.job import JobRow
from wumai.store import schema
from wumai.store.base import JobFilter
from wumai.store.engine import ROLES, make_engine
from wumai.store.sql import SqlStore

APP = Path(__file__).with_name('worker_app.py')


class Place:
    """A database, a folder, and the worker processes that use them."""

    def __init__(self, url, folder):
        self.url, self.folder, self.clock = url, folder, SystemClock()
        self.store = SqlStore(make_engine(make_url(url), ROLES['app'], self.clock))
        schema.metadata.create_all(self.store.engine)
        self.processes = []

    def start(self, **options):
        process = subprocess.Popen(
            [sys.executable, str(APP), str(self.folder), json.dumps(options)],
            env={**os.environ, 'DB_URL': self.url},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stderr.close()
        self.store.close()

    def put(self, *ids, **columns):
        now = floor_second(self.clock.now())
        values = {
            'project_id': None, 'action': 'Act', 'status': 'pending', 'error': None,
            'result': None, 'params': '{}', 'updated': now, 'created': now, 'run_at': now,
            'try_period': 1, 'try_max': 2, 'trys': 0, **columns,
        }  # fmt: skip
        self.store.insert_jobs([JobRow(id=job_id, **values) for job_id in ids])

    def put_plain(self, job_id, **columns):
        """As another program does, by SQL: what is left out is NULL."""
        values = {'id': job_id, 'action': 'Act', 'status': 'pending', **columns}
        names, marks = ', '.join(values), ', '.join(f':{name}' for name in values)
        with self.store.engine.begin() as connection:
            connection.execute(text(f'INSERT INTO job ({names}) VALUES ({marks})'), values)

    def rows(self):
        return {row.id: row for row in self.store.list_jobs(JobFilter(limit=1000))}

    def states(self):
        return {job_id: (row.status, row.trys) for job_id, row in self.rows().items()}

    def count(self, status):
        return Counter(row.status for row in self.rows().values())[status]

    def runs(self):
        """(id, try, pid) of each run of a handler."""
        path = self.folder / 'runs'
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def log(self):
        path = self.folder / 'logs' / 'worker' / 'normal.log'
        return path.read_text() if path.exists() else ''

    def await_log(self, part):
        until(lambda: part in self.log(), what=f'{part!r} in the log')


@pytest.fixture(params=['sqlite', 'mysql'])
def place(request, tmp_path):
    """A database of its own."""
    sqlite = f'sqlite:///{tmp_path}/wumai.db'
    url = sqlite if request.param == 'sqlite' else request.getfixturevalue('mysql_database')
    made = Place(url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def mysql_place(mysql_database, tmp_path):
    """On MariaDB."""
    made = Place(mysql_database, tmp_path)
    yield made
    made.close()


def ended(process, code):
    """Wait for the end of a process, which is to print nothing."""
    process.wait(LIMIT)
    assert (process.returncode, process.stderr.read()) == (code, '')


def test_every_kind_of_job(place):
    """Thirty run once each; others fail, time out, wait, or cannot run; then a graceful stop."""
    place.put(*(f'job-{n:02}' for n in range(30)))
    place.put('fail', action='Fail', try_max=3)
    place.put('swallow', action='Swallow', try_max=1)
    place.put_plain('nulls')
    place.put_plain('json', params='{')
    place.put_plain('unknown', action='Nonesuch', try_max=1)
    process = place.start(exec_timeout=1, poll_interval=0.2)
    place.await_log('takes jobs')
    due = ceil_second(place.clock.now() + timedelta(seconds=2))
    place.put('later', run_at=due)
    place.put_plain('plain', params='{"n": 5}')
    until(lambda: place.count('pending') + place.count('running') == 0, what='the end of all jobs')
    process.send_signal(signal.SIGTERM)
    ended(process, 0)
    states, rows = place.states(), place.rows()
    expected = dict.fromkeys([f'job-{n:02}' for n in range(30)], ('finished', 1)) | {
        'fail': ('error', 3),
        'swallow': ('error', 1),
        'nulls': ('finished', 1),
        'json': ('error', 1),
        'unknown': ('error', 1),
        'later': ('finished', 1),
        'plain': ('finished', 1),
    }
    assert states == expected
    assert json.loads(rows['plain'].result) == {'n': 5}
    assert rows['fail'].error.startswith('ValueError: no\n')
    assert rows['swallow'].error.startswith('timeout: the try ran past exec_timeout (1 s)')
    assert rows['json'].error.startswith('params are no JSON')
    assert rows['unknown'].error.startswith("UnknownAction: no handler for the action 'Nonesuch'")
    assert due <= rows['later'].updated
    assert rows['fail'].updated - rows['fail'].created >= timedelta(seconds=2)
    runs = Counter(job_id for job_id, _, _ in place.runs())
    assert runs.pop('fail') == 3
    assert set(runs.values()) == {1}
    assert set(runs) == set(states) - {'fail', 'json', 'unknown'}


def test_a_stop_leaves_no_row_running(mysql_place):
    """One ends within grace, one is interrupted, one swallows that; unrun tries are not counted."""
    place = mysql_place
    place.put('short', action='Slow', params='{"s": 0.5}')
    place.put('long', action='Slow', params='{"s": 60}')
    place.put('stubborn', action='Stubborn')
    process = place.start(exec_size=3, grace=1, poll_interval=0.2)
    until(lambda: len(place.runs()) == 3)
    place.put('unrun')
    process.send_signal(signal.SIGTERM)
    ended(process, 0)
    assert place.states() == {
        'short': ('finished', 1),
        'long': ('pending', 0),
        'stubborn': ('pending', 0),
        'unrun': ('pending', 0),
    }


def test_a_stop_on_sqlite(tmp_path):
    """Likewise, by Ctrl-C."""
    place = Place(f'sqlite:///{tmp_path}/wumai.db', tmp_path)
    place.put('long', action='Slow', params='{"s": 60}')
    process = place.start(grace=0.5)
    until(place.runs)
    process.send_signal(signal.SIGINT)
    ended(process, 0)
    assert place.states() == {'long': ('pending', 0)}
    place.close()


def test_a_second_signal_leaves_at_once(mysql_place):
    """With exit code 1, though handlers run."""
    place = mysql_place
    place.put('long', action='Slow', params='{"s": 60}')
    process = place.start(grace=60)
    until(place.runs)
    process.send_signal(signal.SIGTERM)
    place.await_log('stopping: 1 jobs are running')
    process.send_signal(signal.SIGTERM)
    ended(process, 1)
    assert place.states() == {'long': ('running', 1)}


def test_two_workers_never_run_one_row_twice(mysql_place):
    """They share two hundred."""
    place = mysql_place
    ids = [f'job-{n:03}' for n in range(200)]
    processes = [place.start(poll_interval=0.1, exec_size=5, pick_size=5) for _ in range(2)]
    until(lambda: place.log().count('takes jobs') == 2)
    place.put(*ids, action='Slow', params='{"s": 0.02}')
    until(lambda: place.count('finished') == 200, what='the end of 200 jobs')
    for process in processes:
        process.send_signal(signal.SIGQUIT)
        ended(process, 0)
    runs = place.runs()
    assert sorted(job_id for job_id, _, _ in runs) == ids
    assert len({pid for _, _, pid in runs}) == 2


def test_a_handler_that_never_yields(mysql_place):
    """Ends its process with 75; its timeout is written, its neighbour handed back."""
    place = mysql_place
    process = place.start(exec_timeout=0.5, grace=0.5, lease=3, poll_interval=0.2)
    place.await_log('takes jobs')
    place.put('neighbour', action='Slow', params='{"s": 60}')
    until(place.runs)
    place.put('spin', action='Spin', try_max=1)
    process.wait(LIMIT)
    assert process.returncode == 75
    states = place.states()
    assert states['spin'] == ('error', 1)
    assert place.rows()['spin'].error.startswith('timeout: the try could not be ended')
    assert states['neighbour'][0] in ('pending', 'error')
    assert 'in spin' in place.log()
    again = place.start()
    until(lambda: place.log().count('takes jobs') == 2)
    again.send_signal(signal.SIGTERM)
    ended(again, 0)


def test_a_crashed_workers_job_is_rescued(mysql_place):
    """SIGKILL; the next worker takes the job back when its lease is over."""
    place = mysql_place
    place.put('job', action='Slow', params='{"s": 60}')
    first = place.start(lease=3)
    until(place.runs)
    first.kill()
    second = place.start(lease=3, poll_interval=0.2, grace=0)
    until(lambda: len(place.runs()) == 2, what='a second run')
    second.send_signal(signal.SIGTERM)
    ended(second, 0)
    assert [(trys, int(pid)) for _, trys, pid in place.runs()] == [
        ('1', first.pid), ('2', second.pid),
    ]  # fmt: skip


def test_a_worker_without_its_table(tmp_path):
    """Stops at its start with the list of what is missing."""
    place = Place(f'sqlite:///{tmp_path}/wumai.db', tmp_path)
    with place.store.engine.begin() as connection:
        connection.execute(text('DROP TABLE job'))
    process = place.start()
    process.wait(LIMIT)
    assert process.returncode == 1
    assert 'the database lacks table job' in process.stderr.read()
    place.close()


@pytest.mark.parametrize('module', ['flask', 'concurrent_log_handler', 'redis', 'requests'])
def test_a_worker_imports_no_more_than_it_needs(module: str) -> None:
    """They come with an api, with logs, and with channels."""
    code = f'import sys, wumai.server.worker, wumai.model; print({module!r} in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == 'False'
