"""A real API on a loopback port of this process, and a client that sends bytes as they are."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gevent
from gevent import socket

from wumai.clock import SystemClock
from wumai.config import Config
from wumai.entropy import RandomEntropy
from wumai.server.api import Api

LIMIT = 20
"""Seconds after which a test that waits has failed."""


def make_api(routes: Mapping[str, Any] | None = None, **options: Any) -> Api:
    """An api over a runtime that has no database."""
    runtime: Any = SimpleNamespace(clock=SystemClock(), entropy=RandomEntropy(), config=Config())
    return Api('public', runtime=runtime, **options).route(routes or {})


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The retCode of an error."""
        code: int = self.json['retCode']
        return code


class _Kept:
    """What a connection has received, read by one response after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self.file = sock.makefile('rb')

    def makefile(self, _mode: str) -> '_Kept':
        return self

    def close(self) -> None:
        """Not by a response: the next one may be here already."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@dataclass
class Connection:
    """One connection to a server, kept alive as long as the server does."""

    address: tuple[str, int]
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.sock: Any = socket.create_connection(self.address, timeout=LIMIT)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname='localhost')
        self._kept: Any = _Kept(self.sock)

    def __enter__(self) -> 'Connection':
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.file.close()
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive(self, method: str = 'POST') -> Reply:
        """The next answer. Its end is known by its Content-Length."""
        response = http.client.HTTPResponse(self._kept, method=method)
        response.begin()
        return Reply(response.status, response.headers, response.read())

    def end_sending(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def closed_by_peer(self) -> bool:
        """Wait for the server to close; false if it sends something instead."""
        return bool(self._kept.read(1) == b'')


def request(
    body: bytes = b'',
    method: str = 'POST',
    path: str = '/',
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of a request with JSON, whose Content-Length is right unless it is given."""
    given = {name.lower() for name in headers or {}}
    lines = [f'{method} {path} HTTP/1.1', 'Host: localhost']
    lines += [f'{name}: {value}' for name, value in (headers or {}).items()]
    if 'content-type' not in given:
        lines.append('Content-Type: application/json')
    if not given & {'content-length', 'transfer-encoding'}:
        lines.append(f'Content-Length: {len(body)}')
    return '\r\n'.join([*lines, '', '']).encode() + body


@dataclass
class Served:
    """An api that is being served."""

    api: Api
    serving: Any

    def connect(self) -> Connection:
        assert self.api.address
        return Connection(self.api.address)

    def send(self, data: bytes, *, end: bool = False, method: str = 'POST') -> Reply:
        """The answer to `data` on a connection of its own."""
        with self.connect() as connection:
            connection.send(data)
            if end:
                connection.end_sending()
            return connection.receive(method)

    def request(
        self,
        body: bytes = b'',
        method: str = 'POST',
        path: str = '/',
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        return self.send(request(body, method, path, headers), method=method)

    def call(self, action: str, /, **params: Any) -> Reply:
        return self.request(json.dumps({'action': action, **params}).encode())

    def stop(self) -> None:
        self.api.stop()
        self.serving.get(timeout=LIMIT)


@contextmanager
def serve(api: Api, **options: Any) -> Iterator[Served]:
    """Run `api.start` in a greenlet, on a free port."""
    serving = gevent.spawn(api.start, 0, '127.0.0.1', **options)
    gevent.wait([api.started, serving], timeout=LIMIT, count=1)
    if serving.ready():
        serving.get()
    served = Served(api, serving)
    try:
        yield served
    finally:
        served.stop()
