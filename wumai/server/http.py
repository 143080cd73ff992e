"""The HTTP server: gevent's, with its packets sent at once, JSON errors and a graceful stop."""

import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from select import POLLIN
from typing import Any
from urllib.parse import unquote

import gevent.socket
from gevent import monkey, pywsgi
from gevent.pool import Pool
from gevent.pywsgi import Input

from wumai import logger
from wumai.api import envelope
from wumai.api.envelope import MalformedRequest
from wumai.common import local
from wumai.server.head import Head, read_head

IDLE = 75
"""Seconds that a client may keep us waiting for a request or in the midst of one."""
LEFT_OVER = 64 * 1024
"""Bytes of a body that the app did not read which we still read, to keep the connection."""
LINGER = 2
"""Seconds that we listen to a client which is still sending when it was answered."""
JOINED = 64 * 1024
"""Bytes of a body that is sent together with its head."""
CLEANUP = 2
"""Seconds that a handler interrupted by the stop is given."""

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Handler(pywsgi.WSGIHandler):
    """One connection."""

    server: 'Server'
    head: Head
    # pywsgi's, of which its stubs know another type or nothing.
    client_address: Any
    response_headers: Any
    status: Any
    wsgi_input: Any
    _sendall: Any
    _write: Any

    def handle(self) -> None:
        self.idle = True
        self.greenlet: Any = gevent.getcurrent()
        self.server.connections.add(self)
        try:
            super().handle()
        finally:
            self.server.connections.discard(self)

    def read_request(self, raw_requestline: str) -> Any:
        """Read the head, all of it at once."""
        self.head = head = read_head(raw_requestline, self.rfile.readline)
        self.request_version = head.version
        self.close_connection = not head.keep_alive
        return True

    def get_environ(self) -> dict[str, Any]:
        head, (host, port, *_) = self.head, self.client_address
        path, _, query = head.target.partition('?')
        waits = self.socket if head.fields.get('HTTP_EXPECT') == '100-continue' else None
        self.wsgi_input = Input(self.rfile, head.length, socket=waits, chunked_input=head.chunked)
        return {
            **self.server.environ,
            **head.fields,
            'REQUEST_METHOD': head.method,
            'PATH_INFO': unquote(path, 'latin-1') if '%' in path else path,
            'QUERY_STRING': query,
            'SERVER_PROTOCOL': head.version,
            'REMOTE_ADDR': str(host),
            'REMOTE_PORT': str(port),
            'wsgi.input': self.wsgi_input,
            'wsgi.input_terminated': True,
        }

    def read_requestline(self) -> str:
        """Wait for a request; '' ends the connection."""
        gevent.sleep(0)  # a client that is quick to send the next one would hold up the others
        if self.server.stopping and not _has_sent(self.socket):
            return ''
        self.idle = True
        line = super().read_requestline()
        self.idle = False
        return line

    def finalize_headers(self) -> None:
        if self.server.stopping or self._left_over() > LEFT_OVER:
            self.close_connection = True
            others = [header for header in self.response_headers if header[0] != b'Connection']
            self.response_headers = [*others, (b'Connection', b'close')]
        super().finalize_headers()

    def _write_with_headers(self, data: bytes) -> None:
        """In one packet, unless it is large: joining costs less than a second write."""
        self.headers_sent = True
        self.finalize_headers()
        fields = [name + b': ' + value for name, value in self.response_headers]
        head = b'\r\n'.join([b'HTTP/1.1 ' + self.status, *fields, b'\r\n'])
        if self.response_use_chunked or len(data) > JOINED:
            self._sendall(head)
            self._write(data)
        else:
            self._sendall(head + data)

    def log_request(self) -> None:
        """Nothing: the app has written its access line."""

    def run_application(self) -> None:
        try:
            super().run_application()
        finally:
            if self.close_connection and self._left_over():
                self._give_up_body()

    def _left_over(self) -> float:
        """Bytes of the body that the app did not read."""
        body = self.wsgi_input
        if body.chunked_input:
            return 0 if body.chunk_length == 0 else float('inf')
        return float((body.content_length or 0) - body.position)

    def _give_up_body(self) -> None:
        """End the connection instead of reading a body that nobody wants."""
        # So that pywsgi sees nothing to discard.
        self.wsgi_input.chunked_input, self.wsgi_input.content_length = False, None
        # To close while the client is sending would reset the connection, and the client
        # might lose the answer that tells it why.
        gevent.with_timeout(LINGER, self._drain, timeout_value=None)

    def _drain(self) -> None:
        with suppress(OSError):
            while self.socket.recv(LEFT_OVER):
                pass

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """The answer to what cannot be read as HTTP; the app never hears of it."""
        context_id = self.server.new_context_id()
        local.enter(self.server.name, context_id)
        logger.info('a request that is no HTTP: %s', ex)
        if self.response_length:  # it went wrong after the answer
            return '400', b''
        answer = envelope.failure(MalformedRequest('the request is no HTTP'), context_id)
        logger.access(str(self.client_address[0]), None, answer.code, answer.http_status, 0)
        head = (
            'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n'
            f'Content-Type: {envelope.JSON}\r\nContent-Length: {len(answer.body)}\r\n'
            f'X-Request-Id: {context_id}\r\n\r\n'
        )
        return '400', head.encode() + answer.body


class TidyServer(pywsgi.WSGIServer):
    """gevent's, but it closes its socket when the address cannot be had, and asks no DNS."""

    def update_environ(self) -> None:
        # gevent's own looks up the name of its host first, in a native thread.
        self.environ['SERVER_NAME'], self.environ['SERVER_PORT'] = map(str, self.address[:2])

    @classmethod
    def get_listener(
        cls, address: Any, backlog: int | None = None, family: int | None = None
    ) -> gevent.socket.socket:
        listener = gevent.socket.socket(family=family or socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(backlog or cls.backlog)
        except BaseException:
            listener.close()
            raise
        listener.setblocking(False)
        return listener


class Server(TidyServer):
    """Serves an app until `shut`."""

    handler_class = Handler
    pool: Any
    wrap_socket: Any

    def __init__(
        self,
        address: tuple[str, int],
        application: Application,
        *,
        name: str,
        new_context_id: Callable[[], str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        options: dict[str, Any] = {} if tls is None else {'ssl_context': tls}
        errors = logger.getChild(__file__)
        super().__init__(address, application, spawn=Pool(), log=None, error_log=errors, **options)
        self.name, self.new_context_id = name, new_context_id
        self.connections: set[Handler] = set()
        self.handshakes: set[Any] = set()
        self.stopping = False

    def do_read(self) -> Any:
        accepted: Any = super().do_read()
        if accepted:
            client = accepted[0]
            client.settimeout(IDLE)
            # Without this what leaves in a second packet, as the end of a large or streamed body,
            # waits for the client to acknowledge the first: 40 ms.
            with suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return accepted

    def handle(self, sock: Any, address: Any) -> None:
        self.handshakes.discard(gevent.getcurrent())
        local.set_server(self.name)
        super().handle(sock, address)

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        if self.stopping and not _has_sent(client_socket):
            return
        self.handshakes.add(gevent.getcurrent())
        local.set_server(self.name)
        try:
            super().wrap_socket_and_handle(client_socket, address)
        except OSError as error:  # an SSLError too
            logger.info('no TLS with %s: %s', address[0], error)
        finally:
            self.handshakes.discard(gevent.getcurrent())

    def shut(self, grace: float) -> None:
        """Accept no more, let running requests end for `grace` seconds, and end the rest."""
        self.stopping = True
        self._accept_waiting()
        self.close()
        idle = {one.greenlet for one in self.connections if one.idle and not _has_sent(one.socket)}
        for greenlet in idle | self.handshakes:
            greenlet.kill(block=False)
        if self.pool.join(timeout=grace):
            return
        logger.warning('%d requests are still running after %s s', len(self.pool), grace)
        self.pool.kill(timeout=CLEANUP)

    def _accept_waiting(self) -> None:
        """Take those that have connected already; closing the listener would reset them."""
        while accepted := self.do_read():
            self.do_handle(*accepted)


def _has_sent(client: Any) -> bool:
    """Whether something has arrived that was not read. No other greenlet runs meanwhile."""
    poller = monkey.get_original('select', 'poll')()
    poller.register(client.fileno(), POLLIN)
    return bool(poller.poll(0))
