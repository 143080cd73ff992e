"""A small HTTP server that takes the messages of Slack and SMS."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from wumai_testing.timeline import Timeline

_KEYS = {'/slack': ('slack', 'text'), '/sms': ('sms', 'content')}
_PATHS: Final = {'SLACK_WEBHOOK_URL': '/slack', 'NOTIFY_SMS_URL': '/sms', 'NOTIFY_SMS_UR': '/sms'}


class Channels:
    """The services, until `close`; each message is noted in `events`."""

    def __init__(self, events: Timeline) -> None:
        self.texts: dict[str, list[str]] = {'slack': [], 'sms': []}
        self._events = events
        self._server = _Server(('127.0.0.1', 0), self._take)
        # It looks every so often whether it is to end.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` with the addresses that it sets replaced by ours."""
        base = f'http://127.0.0.1:{self._server.server_address[1]}'
        ours = {name: base + path for name, path in _PATHS.items() if environ.get(name)}
        return {**environ, **ours}

    def _take(self, path: str, body: bytes) -> bool:
        if path not in _KEYS:
            return False
        channel, key = _KEYS[path]
        text = str(json.loads(body).get(key, ''))
        self.texts[channel].append(text)
        self._events.add('notify', channel=channel, text=text)
        return True

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], take: Callable[[str, bytes], bool]) -> None:
        super().__init__(address, _Handler)
        self.take = take

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that was killed in the middle of a request is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        taken = self.server.take(self.path, body)
        self.send_response(200 if taken else 404)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """To nowhere."""
