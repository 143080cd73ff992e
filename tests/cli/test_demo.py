"""`wumai demo`, as a process: what it promises, and that it leaves nothing behind."""

import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import process, running
from tests.waiting import LIMIT, until
from wumai.cli.demo_client import Client
from wumai.cli.demo_story import PROMISES, DemoError, Story
from wumai.cli.demo_view import View
from wumai.clock import SystemClock

SUMMARY = [
    'job action for status tries what happened',
    'CreateInstance web-1 finished 1/3 ran at once',
    'CreateInstance db-1 finished 2/3 failed once, retried, finished',
    'CreateInstance gpu-1 error 3/3 gave up, the channel was told',
    'BackupInstance web-1 finished 1/3 waited for its run_at',
    'ResizeInstance web-1 error 1/1 timed out and was interrupted',
    '- ResizeInstance - - - refused: HTTP 404, 4104',
]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Temporary folders in one that the test sees, and a database and a channel of the user's."""
    return {
        'TMPDIR': str(tmp_path),
        'DB_URL': 'mysql://nobody@127.0.0.1:1/none',
        'SLACK_WEBHOOK_URL': 'http://127.0.0.1:1/none',
    }


def left_behind(folder: Path) -> list[str]:
    """Folders of a demo in the temporary folder `folder`, and servers that work in one."""
    listed = subprocess.run(
        ['ps', 'eww', '-eo', 'args'], capture_output=True, text=True, check=True
    )
    servers = [line for line in listed.stdout.splitlines() if f'WUMAI_DEMO_LOGS={folder}' in line]
    return [*servers, *(path.name for path in folder.glob('wumai-demo-*'))]


def summary(output: str) -> list[str]:
    """The lines of the table, without the ids."""
    table = output[output.index('\njob ') :].strip().partition('\n\n')[0]
    return [re.sub(r'^job-\S+ ', '', ' '.join(line.split())) for line in table.splitlines()]


def test_the_demo(tmp_path: Path, env: dict[str, str]) -> None:
    """All jobs go as promised, plain text in a pipe, and nothing is left."""
    with process('demo', cwd=tmp_path, env=env) as one:
        output, errors = one.communicate(timeout=60)
    assert (one.returncode, errors) == (0, '')
    assert summary(output) == SUMMARY
    assert len(SUMMARY) == len(PROMISES) + 2
    assert '\x1b' not in output
    assert re.search(r'All went as promised, in [\d.]+ s', output)
    assert output.count('notice ') == 5
    assert output.count('gave up') >= 2
    assert left_behind(tmp_path) == []


def test_serve_goes_on_until_it_is_ended(tmp_path: Path, env: dict[str, str]) -> None:
    """The curl line that it prints works; Ctrl-C ends it with 0."""
    lines: list[str] = []
    with running('demo', '--serve', cwd=tmp_path, env=env) as one:
        assert one.stdout is not None
        for line in one.stdout:
            lines.append(line.strip())
            if 'wumai jobs' in line:
                break
        curl = next(line for line in lines if line.startswith('curl') and 'Create' in line)
        body, url = re.fullmatch(r"curl --json '(.+)' (http\S+)", curl).groups()  # type: ignore[union-attr]
        request = urllib.request.Request(url, body.encode(), {'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            assert answer.status == 200
        for line in one.stdout:
            if 'CreateInstance my-1' in line and 'finished' in line:
                break
        one.send_signal(signal.SIGINT)
        output, errors = one.communicate(timeout=LIMIT)
    assert (one.returncode, errors) == (0, '')
    assert output.endswith('stopped; the servers and the database are gone\n')
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, env: dict[str, str], number: signal.Signals) -> None:
    """While its servers start: they are ended, the folder is gone."""
    with running('demo', cwd=tmp_path, env=env) as one:
        until(lambda: left_behind(tmp_path))
        assert one.stdout is not None
        until(lambda: 'worker' in one.stdout.readline())  # type: ignore[union-attr]
        one.send_signal(number)
        output, errors = one.communicate(timeout=LIMIT)
    assert (one.returncode, output) == (130, '')
    assert errors == 'interrupted; the servers and the database are gone\n'
    assert left_behind(tmp_path) == []


def test_a_port_that_is_taken(tmp_path: Path, env: dict[str, str]) -> None:
    """What the server said is told in one line, with exit code 1."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with process('demo', f'--port={port}', cwd=tmp_path, env=env) as one:
            _, errors = one.communicate(timeout=LIMIT)
    assert one.returncode == 1
    assert errors == (
        f'wumai: the api did not start: wumai: cannot listen on 127.0.0.1:{port}: '
        'the address is in use; is another server running?\n'
    )
    assert left_behind(tmp_path) == []


def test_what_is_not_as_promised_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Told by name, after the table."""
    view = View(SystemClock())
    view.notices += ['job-3 gave up'] * 5
    story = Story(SameJobs(), view)
    story.look()
    with pytest.raises(DemoError) as caught:
        story.summarise()
    assert str(caught.value) == (
        'not as promised: CreateInstance db-1 is error, not finished (Boom); '
        'CreateInstance db-1 began 3 tries, not 2; '
        'CreateInstance db-1 nobody was told that it gave up'
    )
    assert 'All went as promised' not in capsys.readouterr().out


class SameJobs(Client):
    """An api that knows one job, which went wrong."""

    def __init__(self) -> None:
        super().__init__('http://127.0.0.1:1')

    def call(self, action: str, **params: Any) -> tuple[int, dict[str, Any]]:
        job = {
            'id': 'job-1', 'action': 'CreateInstance', 'name': 'db-1', 'status': 'error',
            'trys': 3, 'tryMax': 3, 'error': 'Boom', 'result': None, 'runAt': None,
        }  # fmt: skip
        return 200, {'jobs': [job]}
