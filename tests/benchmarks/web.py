"""The apps of the API's benchmarks, which do the same with JSON, and the servers before them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask

from wumai.api.app import ApiApp, create_app
from wumai.api.router import Router
from wumai.clock import SystemClock
from wumai.config import CONF, Config
from wumai.entropy import RandomEntropy

BODY = b'{"action": "DescribeInstances", "projectId": "prj-1", "limit": 20}'
RESULT = {'instances': [{'id': f'i-{n}', 'name': 'web', 'status': 'active'} for n in range(3)]}
START = 20.0
"""Seconds that a server may take to listen."""


def describe_instances() -> dict[str, Any]:
    assert flask.request.params['limit'] == 20  # type: ignore[attr-defined]
    return RESULT


def our_app() -> ApiApp:
    router = Router()
    router.route({'DescribeInstances': describe_instances})
    return create_app(
        'public',
        router,
        debug=False,
        entropy=RandomEntropy(),
        clock=SystemClock(),
        settings=Config(),
    )


def our_api() -> Any:
    """As an app makes it, with its logs in the working directory."""
    from wumai.server import create_api

    CONF.apply(app_root='.', log_dir='logs')
    return create_api('public').route({'DescribeInstances': describe_instances})


def bare_app() -> flask.Flask:
    app = flask.Flask('bare')

    @app.post('/')
    def view() -> flask.Response:
        params = flask.request.get_json()
        assert params['action'] == 'DescribeInstances'
        assert params['limit'] == 20
        return flask.jsonify(RESULT)

    return app


def fastapi_app() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.post('/')
    async def view(params: dict[str, Any]) -> dict[str, Any]:
        assert params['action'] == 'DescribeInstances'
        assert params['limit'] == 20
        return RESULT

    return app


def serve_bare(port: int) -> None:
    """On gevent's server, whose packets leave at once as ours do, with its access log."""
    from gevent import monkey, pywsgi

    monkey.patch_all()

    class Server(pywsgi.WSGIServer):
        def do_read(self) -> Any:
            accepted = super().do_read()
            if accepted:
                accepted[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return accepted

    with open('access.log', 'a', buffering=1) as log:
        Server(('127.0.0.1', port), bare_app(), log=log).serve_forever()


_PYTHON = [sys.executable, '-c']
_GUNICORN = [sys.executable, '-m', 'gunicorn', '-k', 'gevent', '-b', '127.0.0.1:{port}']
_WEB = 'tests.benchmarks.web'
COMMANDS = {
    ('wumai', 'gevent'): [
        *_PYTHON,
        'from gevent import monkey; monkey.patch_all(); '
        f"from {_WEB} import our_api; our_api().start({{port}}, '127.0.0.1')",
    ],
    ('wumai', 'gunicorn'): [*_GUNICORN, f'{_WEB}:our_api()'],
    ('Flask', 'gevent'): [*_PYTHON, f'from {_WEB} import serve_bare; serve_bare({{port}})'],
    ('Flask', 'gunicorn'): [*_GUNICORN, '--access-logfile', 'access.log', f'{_WEB}:bare_app()'],
    ('FastAPI', 'uvicorn'): [
        *(sys.executable, '-m', 'uvicorn', '--port', '{port}'),
        *('--factory', f'{_WEB}:fastapi_app'),
    ],
}
"""How each app is served by each server, with an access log, in a process of its own."""


@contextmanager
def served(app: str, server: str, folder: Path) -> Iterator[tuple[str, int]]:
    """The address at which it listens; its logs are in `folder`."""
    address = '127.0.0.1', _free_port()
    command = [part.replace('{port}', str(address[1])) for part in COMMANDS[app, server]]
    folder.mkdir()
    environ = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    with (folder / 'output').open('wb') as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _await_listening(address, process, folder / 'output')
        yield address
    finally:
        process.terminate()
        process.wait(START)


def _free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as found:
        return int(found.getsockname()[1])


def _await_listening(
    address: tuple[str, int], process: 'subprocess.Popen[bytes]', output: Path
) -> None:
    deadline = time.perf_counter() + START
    while True:
        try:
            socket.create_connection(address, START).close()
            return
        except OSError:
            assert process.poll() is None, output.read_text()
            assert time.perf_counter() < deadline, output.read_text()
            time.sleep(0.05)
