"""Runs in real time: what is told of one that fails, and that nothing is left of it."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.cli.running import running
from tests.waiting import lives, until
from wumai_testing.mariadb import MariaDB
from wumai_testing.scenario.live import LiveRun, processes
from wumai_testing.scenario.outcome import FAILED, PASSED, SKIPPED, Outcome

APP = """\
import os

IS_LIVE = 'DB_URL' in os.environ

def boom(job):
    raise ValueError('no')

def leave(job):
    if IS_LIVE or job.params.get('always'):
        os._exit(3)

def sleep(job):
    if IS_LIVE:
        with open('pids', 'w') as file:
            file.write(f'{os.getpid()} {os.getppid()}\\n')
    job.sleep(60)

job_routes = {'Boom': boom, 'Leave': leave, 'Sleep': sleep}
"""
ONLY_LIVE = "import os\njob_routes = {}\nif 'DB_URL' in os.environ:\n    "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a folder `scenarios`, the app is beside the scenarios."""
    folder = tmp_path / 'scenarios'
    folder.mkdir()
    (folder / 'live_app.py').write_text(APP)
    return folder


def written(folder: Path, *steps: str, app: str = 'live_app', head: str = '') -> Path:
    path = folder / 'story.yaml'
    lines = ['scenario: a story', f'app: {app}', *filter(None, [head]), 'steps:', *steps]
    path.write_text('\n'.join(lines))
    return path


def ran(path: Path, **options: float) -> Outcome:
    """Run one file on SQLite."""
    with LiveRun('sqlite', 1, **options) as run:
        (outcome,) = run.run([path])
        return outcome


def test_a_failing_step_is_told_with_the_logs(folder: Path) -> None:
    """The step, what was found, the timeline of all processes, and the end of each log."""
    job = '- job: {as: first, action: Boom, try_max: 1}'
    path = written(folder, job, '- run: idle', '- expect: {jobs: {first: {status: finished}}}')
    outcome = ran(path)
    assert outcome.status == FAILED
    lines = outcome.message.splitlines()
    assert lines[0] == f'{path}:6: step `expect: {{jobs: {{first: {{status: finished}}}}}}`'
    assert lines[1] == '  job first.status: wanted "finished", found "error"'
    assert 'try 1 raised ValueError' in outcome.message
    log = lines[lines.index('--- w1-1, the end of normal.log:') :]
    assert any('try 1 of 1 failed: ValueError: no; gave up' in line for line in log)
    assert outcome.timeline
    assert [event.kind for event in outcome.timeline if event.job][-1] == 'outcome'


def test_a_worker_that_never_starts(folder: Path) -> None:
    """What it said is told, and nothing of the runner's own."""
    (folder / 'live_broken.py').write_text(f'{ONLY_LIVE}raise OSError("only here")')
    outcome = ran(written(folder, '- advance: 1s', app='live_broken'))
    assert outcome.status == FAILED
    first, *said = outcome.message.splitlines()
    assert first == 'w1-1 did not start:'
    assert said[-1] == 'OSError: only here'
    assert 'LiveRun' not in outcome.message


def test_a_handler_that_a_worker_refuses(folder: Path) -> None:
    """Is refused here too, where each is in a function of the runner's own."""
    (folder / 'live_wrong.py').write_text(f"{ONLY_LIVE}job_routes['Act'] = lambda: None")
    outcome = ran(written(folder, '- advance: 1s', app='live_wrong'))
    assert outcome.status == FAILED
    assert "the handler of 'Act' is called with one argument" in outcome.message


def test_a_worker_that_hangs_at_its_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a time."""
    monkeypatch.setattr(processes, 'BOOT_SECONDS', 1.0)
    (folder / 'live_hangs.py').write_text(f'{ONLY_LIVE}import time; time.sleep(600)')
    outcome = ran(written(folder, '- advance: 1s', app='live_hangs'))
    assert outcome.message == 'w1-1 did not start:\nit said nothing'


def test_an_app_that_is_not_there(folder: Path) -> None:
    """As in a simulation."""
    path = written(folder, '- advance: 1s', app='live_nowhere')
    outcome = ran(path)
    assert outcome.status == FAILED
    told = f"there is no module 'live_nowhere' in {path.parent.resolve()}"
    assert outcome.message.startswith(f'{path}:2:6: {told}')


def test_a_worker_that_leaves_by_itself(folder: Path) -> None:
    """A handler that ends its process is noticed at once."""
    outcome = ran(written(folder, '- job: {action: Leave}', '- advance: 20s'), limit=60.0)
    assert outcome.status == FAILED
    told = outcome.message
    assert '\n  the worker w1 left with code 3\n' in f'{told}\n', told
    assert outcome.seconds < 20


def test_a_simulation_that_leaves(folder: Path) -> None:
    """How long a file takes is measured in a process of its own."""
    outcome = ran(written(folder, '- job: {action: Leave, params: {always: true}}', '- run: idle'))
    assert (outcome.status, outcome.message) == (FAILED, 'its simulation left with code 3: ')


def test_an_api_alone(folder: Path) -> None:
    """Without handlers of jobs no worker is missed."""
    (folder / 'live_api.py').write_text("routes = {'Hello': lambda: {'text': 'hi'}}")
    steps = ['- call: {action: Hello}', '  expect: {body: {text: hi}}', '- advance: 0.1s']
    outcome = ran(written(folder, *steps, app='live_api'))
    assert (outcome.status, outcome.message) == (PASSED, '')


def test_what_takes_too_long(folder: Path) -> None:
    """It is skipped by what it takes in a simulation."""
    outcome = ran(written(folder, '- advance: 31s'))
    assert outcome.status == SKIPPED
    assert outcome.message == 'it takes 31s, and the limit in real time is 30s'


@pytest.mark.skipif(not MariaDB.available(), reason='no MariaDB on this machine')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    """Its server, its processes and its files are gone."""
    written(folder, '- job: {action: Sleep}', '- advance: 20s')
    command = ['scenario', 'run', 'scenarios', '--live']
    pids = folder.parent / 'pids'
    # A short path: a socket's may have 107 characters.
    with (
        tempfile.TemporaryDirectory(dir='/tmp') as temporary,
        running(*command, cwd=folder.parent, env={'TMPDIR': temporary}) as run,
    ):
        until(lambda: pids.exists() and pids.read_text().endswith('\n'))
        (server,) = Path(temporary).glob('wumai-mariadb-*/pid')
        started = [int(pid) for pid in (*pids.read_text().split(), server.read_text())]
        run.send_signal(number)
        run.communicate(timeout=30)
        assert run.returncode == 1
        assert [pid for pid in started if lives(pid)] == []
        assert os.listdir(temporary) == []
