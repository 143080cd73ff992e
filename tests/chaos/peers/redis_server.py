"""A private Redis that can be killed; each write is in its file, and synced, before it answers."""

import socket
import subprocess
from pathlib import Path

import redis

from tests.waiting import until


class RedisServer:
    """On a loopback port of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f'redis://127.0.0.1:{self.port}/0'
        self.client = redis.Redis(port=self.port)
        self.start()

    def start(self) -> None:
        options = {
            'port': self.port,
            'bind': '127.0.0.1',
            'dir': self._folder,
            'save': '',
            'appendonly': 'yes',
            'appendfsync': 'always',  # `everysec`, the default, loses what it has answered
        }
        arguments = [text for name, value in options.items() for text in (f'--{name}', str(value))]
        self._process = subprocess.Popen(['redis-server', *arguments], stdout=subprocess.DEVNULL)
        until(self._answers, what='redis answers')

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
