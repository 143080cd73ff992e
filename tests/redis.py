"""Fixtures: a real Redis, private to the test, where its program is installed."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LIMIT = 10.0


def redis_program() -> str | None:
    """Where it is installed, if it is."""
    return shutil.which('redis-server')


class RedisServer:
    """A server on a port of its own, which keeps nothing on disk unless told to."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        with socket.create_server(('127.0.0.1', 0)) as found:
            self.port = int(found.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What an app is told of it."""
        return {'REDIS_HOST': '127.0.0.1', 'REDIS_PORT': str(self.port)}

    def start(self) -> None:
        command = ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1']
        command += ['--dir', str(self._folder), '--save', '', *self._options]
        with (self._folder / 'redis.log').open('ab') as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port), LIMIT).close()
                return
            except OSError:
                assert time.monotonic() < deadline, (self._folder / 'redis.log').read_text()
                time.sleep(0.01)

    def freeze(self) -> None:
        """As a host that is gone: connections stay open, and nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(LIMIT)
            self._process = None


@contextmanager
def redis_running(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A private server; skips the test where there is none."""
    if not redis_program():
        pytest.skip('no Redis here: install redis-server')
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that is the test's own, so that it may stop it."""
    with redis_running(tmp_path) as server:
        yield server
