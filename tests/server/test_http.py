"""The HTTP server: packets, idle connections, the graceful stop."""

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from tests.api.serving import LIMIT, Connection, request
from wumai.server import http
from wumai.server.http import Server

CALL = request(b'{"action": "Echo"}')
PART = CALL[:20]


class App:
    """A WSGI app whose requests wait at a gate, where they are told to."""

    def __init__(self):
        self.gate, self.arrived, self.killed = Event(), Event(), Event()
        self.gate.set()

    def __call__(self, environ, start_response):
        environ['wsgi.input'].read()
        self.arrived.set()
        try:
            self.gate.wait()
        except gevent.GreenletExit:
            self.killed.set()
        start_response('200 OK', [('Content-Length', '2')])
        return [b'ok']


@pytest.fixture
def app():
    return App()


@pytest.fixture
def server(app):
    server = Server(('127.0.0.1', 0), app, name='public', new_context_id=lambda: 'id')
    server.start()
    yield server
    app.gate.set()
    if not server.stopping:
        server.shut(grace=LIMIT)


def connect(server):
    return Connection(server.socket.getsockname())


def stopping(server, **options):
    return gevent.spawn(server.shut, **{'grace': LIMIT, **options})


def test_the_start_asks_no_dns(server):
    """Which may be slow: it is named by its address, and the port that it got."""
    named = (server.environ['SERVER_NAME'], int(server.environ['SERVER_PORT']))
    assert named == server.socket.getsockname()


def test_nagle_is_off(server):
    """Head and body leave at once: else the body waits 40 ms for the client's ACK."""
    with connect(server) as connection:
        connection.send(CALL)
        connection.receive()
        (open_one,) = server.connections
        assert open_one.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_silent_client_is_let_go(server, monkeypatch):
    """Before a request, and in the midst of one."""
    monkeypatch.setattr(http, 'IDLE', 0.01)
    for sent in (b'', PART, CALL[:-5]):
        with connect(server) as connection:
            connection.send(sent)
            if sent == PART:
                assert connection.receive().code == 4110
            elif not sent:
                assert connection.closed_by_peer()


def test_stop_closes_idle_connections(server):
    """Whether they never sent anything or wait for their next request."""
    with connect(server) as fresh, connect(server) as used:
        used.send(CALL)
        assert used.receive().status == 200
        stopping(server).get(timeout=LIMIT)
        assert fresh.closed_by_peer()
        assert used.closed_by_peer()


def test_stop_finishes_running_requests(app, server):
    """Their answers say that the connection ends."""
    app.gate.clear()
    with connect(server) as connection:
        connection.send(CALL)
        app.arrived.wait(LIMIT)
        stop = stopping(server)
        gevent.idle()
        assert not stop.ready()
        app.gate.set()
        reply = connection.receive()
        assert (reply.status, reply.headers['Connection']) == (200, 'close')
        assert connection.closed_by_peer()
        stop.get(timeout=LIMIT)


def test_stop_accepts_no_more(app, server):
    """While a request is still running."""
    address = server.socket.getsockname()
    app.gate.clear()
    with connect(server) as connection:
        connection.send(CALL)
        app.arrived.wait(LIMIT)
        stopping(server)
        gevent.idle()
        with pytest.raises(ConnectionRefusedError):
            Connection(address)
        app.gate.set()


def test_stop_serves_what_has_arrived(server):
    """A request that was sent before the stop is answered, were it accepted only then."""
    with connect(server) as connection:
        connection.send(CALL)
        stopping(server).get(timeout=LIMIT)
        assert connection.receive().status == 200


def test_stop_ends_at_its_grace(app, server, caplog):
    """Handlers that run on are interrupted."""
    app.gate.clear()
    with connect(server) as connection:
        connection.send(CALL)
        app.arrived.wait(LIMIT)
        stopping(server, grace=0.01).get(timeout=LIMIT)
        assert app.killed.is_set()
        assert connection.receive().status == 200
    assert '1 requests are still running' in caplog.text


def test_a_reset_connection_costs_nothing(server, capfd):
    """A client that goes away is no news."""
    with connect(server) as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        connection.send(CALL)
    with connect(server) as connection:
        connection.send(CALL)
        assert connection.receive().status == 200
    assert capfd.readouterr().err == ''


def test_an_answer_leaves_at_once(server, monkeypatch):
    """Head and body in one write; a large body, which is not copied, in a second one."""
    sizes = []

    class Handler(http.Handler):
        def _sendall(self, data):
            sizes.append(len(data))
            super()._sendall(data)

    server.handler_class = Handler
    with connect(server) as connection:
        connection.send(CALL)
        connection.receive()
        assert len(sizes) == 1
        monkeypatch.setattr(http, 'JOINED', 1)
        connection.send(CALL)
        connection.receive()
    assert sizes[2] == len(b'ok')


def test_a_client_in_a_hurry_holds_up_nobody(server):
    """However many requests it has sent, others are served between them."""
    served = []

    def app(environ, start_response):
        if not served:
            second.send(request(method='GET', path='/other'))
        served.append(environ['PATH_INFO'])
        start_response('204 No Content', [])
        return []

    server.application = app
    with connect(server) as first, connect(server) as second:
        gevent.idle()
        first.send(request(method='GET', path='/hurried') * 600)
        for _ in range(600):
            first.receive('GET')
    assert '/other' in served[:-1]
