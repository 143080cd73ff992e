"""What a process manager is told of a worker."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from tests.waiting import until


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return int(one.getsockname()[1])


def ask(port, path):
    """Status and JSON; None where nobody answers."""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}{path}', timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)
    except OSError:
        return None


def test_a_worker_tells_how_it_is(stage, server, port):
    """Alive and ready; alive and not ready while its database is away."""
    worker = stage.fleet.start(stage.url, arguments=['--health-port', str(port)])
    until(lambda: (ask(port, '/readyz') or [0])[0] == 200, what='ready')
    job_id = stage.job('Step', seconds=30)
    stage.await_run(job_id)
    status, facts = ask(port, '/healthz')
    assert status == 200
    assert (facts['status'], facts['running']) == ('running', 1)
    assert 0 <= facts['lastPoll'] < 30
    assert f':{worker.pid}:' in facts['worker']
    assert ask(port, '/')[0] == 404
    server.kill()
    try:
        until(lambda: ask(port, '/readyz')[0] == 503, what='not ready')
        status, facts = ask(port, '/readyz')
        assert (status, facts['database'], facts['oldestDue']) == (503, False, None)
        assert ask(port, '/healthz')[0] == 200
    finally:
        server.start()
    until(lambda: ask(port, '/readyz')[0] == 200, what='ready again')
    worker.terminate()
    assert worker.wait() == 0


def test_the_age_of_what_waits_is_told(any_stage, port):
    """A job that is due and has no place is a reason for more workers."""
    stage = any_stage
    stage.fleet.start(stage.url, arguments=['--health-port', str(port)], exec_size=1)
    stage.job('Step', seconds=60)
    stage.job('Step', seconds=60)

    def one_waits():
        _, facts = ask(port, '/readyz') or (0, {})
        return facts.get('running') == 1 and (facts['oldestDue'] or 0) >= 1

    until(one_waits, what='one that runs, and one that waits')


def test_a_port_that_is_taken_is_told(any_stage, port):
    """The worker does not start."""
    with socket.socket() as taken:
        taken.bind(('0.0.0.0', 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        worker = any_stage.fleet.start(any_stage.url, arguments=['--health-port', number])
        assert worker.wait() == 1
    assert f'health_port {number}: ' in worker.output.read_text()
