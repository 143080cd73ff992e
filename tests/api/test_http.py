"""The contract over real HTTP: answers, the error table, malformed requests."""

import json
import logging
from datetime import datetime

import flask
import gevent
import pytest
from gevent.event import Event

from tests import test_iaas_error, test_project_error
from tests.api.serving import LIMIT, make_api, request, serve
from tests.api.test_envelope import MALFORMED
from wumai import iaas_error, project_error
from wumai.common import local
from wumai.error import ActionError

ERRORS = [(iaas_error, *row) for row in test_iaas_error.TABLE]
ERRORS += [(project_error, *row) for row in test_project_error.TABLE]


class OutOfStock(ActionError):
    """An app's own."""

    code, http_status = 4901, 503


class InstanceNotFound(iaas_error.ResourceNotFound):
    """An app's own, with its parent's code."""


UNEXPECTED = [
    ValueError('boom'),
    RecursionError(),
    MemoryError(),
    StopIteration(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    gevent.GreenletExit(),
    gevent.Timeout(1),
    BaseException('bare'),
    OSError('no such host'),
    ConnectionResetError(),
    UnicodeEncodeError('utf-8', '\ud800', 0, 1, 'surrogates'),
]


def raising(error):
    def handler():
        raise error

    return handler


def echo():
    return {'action': flask.request.action, 'params': flask.request.params}


def routes():
    table = {
        'Echo': echo,
        'Context': lambda: {'contextId': local.get_context_id(), 'server': local.get_server()},
        'Time': lambda: {'created': datetime(2026, 1, 31)},
        'Body': lambda: {'json': flask.request.get_json(), 'raw': flask.request.data.decode()},
        'List': list,
        'Nan': lambda: {'x': float('nan')},
        'OutOfStock': raising(OutOfStock('no gpu left')),
        'InstanceNotFound': raising(InstanceNotFound('i-1')),
        'Abort': lambda: flask.abort(404),
        'Form': lambda: {'x': flask.request.form['x']},
        'Surrogates': raising(OutOfStock('\ud800')),
        'Kill': lambda: gevent.getcurrent().kill(),
    }
    for number, (module, name, arguments, *_) in enumerate(ERRORS):
        table[f'Error{number}'] = raising(getattr(module, name)(*arguments))
    for number, error in enumerate(UNEXPECTED):
        table[f'Unexpected{number}'] = raising(error)
    return table


@pytest.fixture(scope='module')
def api():
    with serve(make_api(routes())) as served:
        yield served


@pytest.fixture(scope='module')
def debugged():
    with serve(make_api(routes(), debug=True)) as served:
        yield served


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, 'wumai')
    return caplog


def test_success(api):
    """200, and the dict as JSON."""
    reply = api.call('Echo', name='磨')
    assert (reply.status, reply.headers['Content-Type']) == (200, 'application/json')
    assert reply.json == {'action': 'Echo', 'params': {'action': 'Echo', 'name': '磨'}}
    assert api.call('Time').body == b'{"created": "2026-01-31T00:00:00Z"}\n'


@pytest.mark.parametrize('number', range(len(ERRORS)), ids=[row[1] for row in ERRORS])
def test_error_table(api, number):
    """Each class of errors arrives with its code, status and data."""
    module, name, arguments, code, http_status, data = ERRORS[number]
    reply = api.call(f'Error{number}')
    assert (reply.status, reply.code) == (http_status, code)
    context_id = reply.headers['X-Request-Id']
    assert reply.json == {
        'retCode': code,
        'message': getattr(module, name)(*arguments).message,
        'data': {'contextId': context_id, **data},
    }


@pytest.mark.parametrize(
    ('action', 'code', 'http_status'),
    [
        ('OutOfStock', 4901, 503),
        ('InstanceNotFound', 4104, 404),
        ('Nope', 4000, 404),
        ('\0', 4000, 404),
        ('\ud800', 4000, 404),
        ('List', 5000, 500),
        ('Nan', 5000, 500),
        ('Abort', 5000, 500),
        ('Form', 5000, 500),
        ('Kill', 5000, 500),
    ],
)
def test_other_errors(api, action, code, http_status):
    """Those of an app, unknown actions, and what is no result."""
    reply = api.call(action)
    assert (reply.status, reply.code) == (http_status, code)


@pytest.mark.parametrize(
    'number', range(len(UNEXPECTED)), ids=[type(one).__name__ for one in UNEXPECTED]
)
def test_unexpected(api, log, number):
    """Whatever a handler raises is a 5000 with its traceback in the log; the server goes on."""
    reply = api.call(f'Unexpected{number}')
    assert (reply.status, reply.code) == (500, 5000)
    assert reply.json['data'] == {'contextId': reply.headers['X-Request-Id']}
    assert 'boom' not in reply.json['message']
    failures = [record for record in log.records if record.levelno == logging.ERROR]
    assert [record.exc_info[1] for record in failures] == [UNEXPECTED[number]]
    assert api.call('Echo').status == 200


def test_debug_shows_the_traceback(api, debugged):
    """Of every error, and with debug only."""
    for action in ('Unexpected0', 'Error0', 'Nope'):
        assert 'exceptionStr' not in api.call(action).json['data']
        assert 'Traceback' in debugged.call(action).json['data']['exceptionStr']


@pytest.mark.parametrize('body', MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bodies(api, body):
    """4110, on a connection that goes on."""
    with api.connect() as connection:
        connection.send(request(body))
        reply = connection.receive()
        assert (reply.status, reply.code) == (400, 4110)
        connection.send(request(b'{"action": "Echo"}'))
        assert connection.receive().status == 200


CALL = b'{"action": "Echo"}'
CHUNKED = {'Transfer-Encoding': 'chunked'}

BAD_REQUESTS = {
    'no Content-Length': b'POST / HTTP/1.1\r\nHost: a\r\n\r\n',
    'no Content-Length, but a body': b'POST / HTTP/1.1\r\nHost: a\r\n\r\n' + CALL,
    'HTTP/1.0 without Content-Length': b'POST / HTTP/1.0\r\n\r\n',
    'Content-Length abc': request(CALL, headers={'Content-Length': 'abc'}),
    'Content-Length -1': request(CALL, headers={'Content-Length': '-1'}),
    'Content-Length 1_8': request(CALL, headers={'Content-Length': '1_8'}),
    'Content-Length +18': request(CALL, headers={'Content-Length': '+18'}),
    'Content-Length of 5,000 digits': request(CALL, headers={'Content-Length': '9' * 5000}),
    'Content-Length too short': request(CALL, headers={'Content-Length': '10'}),
    'Content-Length too long': request(CALL, headers={'Content-Length': '100'}),
    'an empty body after a Content-Length': request(b'', headers={'Content-Length': '18'}),
    'chunks cut off': request(b'12\r\n{"action":', headers=CHUNKED),
    'chunks without their end': request(b'12\r\n' + CALL + b'\r\n', headers=CHUNKED),
    'chunks that are none': request(CALL, headers=CHUNKED),
    'a chunk size that is none': request(b'xyz\r\n' + CALL, headers=CHUNKED),
    'a chunk too long': request(b'5\r\n' + CALL + b'\r\n0\r\n\r\n', headers=CHUNKED),
    'no chunks': request(b'0\r\n\r\n', headers=CHUNKED),
    'no HTTP': b'hello\r\n\r\n',
    'another protocol': b'POST / SPDY/3\r\n\r\n',
    'HTTP/2 by prior knowledge': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a Host that is none': request(b'', headers={'Host': '\xff/..'}),
}


@pytest.mark.parametrize('data', BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_malformed_requests(api, data):
    """4110 for what is wrong around the body too."""
    reply = api.send(data, end=True)
    assert (reply.status, reply.code) == (400, 4110)
    assert reply.json['data']['contextId'] == reply.headers['X-Request-Id']


def test_chunks(api):
    """A chunked body is a body."""
    chunks = b'9\r\n{"action"\r\n9\r\n: "Echo"}\r\n0\r\n\r\n'
    with api.connect() as connection:
        for _ in range(2):
            connection.send(request(chunks, headers=CHUNKED))
            assert connection.receive().json['action'] == 'Echo'


@pytest.mark.parametrize('content_type', ['text/plain', 'application/x-www-form-urlencoded'])
def test_content_type(api, content_type):
    """415."""
    reply = api.request(CALL, headers={'Content-Type': content_type})
    assert (reply.status, reply.code) == (415, 4110)


def test_no_content_type(api):
    """None is taken as JSON."""
    head = f'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(CALL)}\r\n\r\n'
    assert api.send(head.encode() + CALL).status == 200


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH', 'TRACE', 'BREW'])
def test_method(api, method):
    """405, with those that are allowed."""
    reply = api.request(CALL, method)
    assert (reply.status, reply.code) == (405, 4110)
    assert reply.headers['Allow'] == 'GET, HEAD, OPTIONS, POST'


@pytest.mark.parametrize('path', ['/x', '/.', '/static/x', '/%00', '*', '/?/', '/%2e'])
@pytest.mark.parametrize('method', ['GET', 'POST', 'OPTIONS'])
def test_path(api, method, path):
    """404, for any method."""
    reply = api.request(CALL, method, path.replace('/?/', '/x?y'))
    assert (reply.status, reply.code) == (404, 4110)


def test_about(api):
    """GET says in a line what this is; HEAD and OPTIONS are as usual."""
    reply = api.request(method='GET')
    assert (reply.status, reply.headers.get_content_type()) == (200, 'text/plain')
    assert reply.body.startswith(b'public')
    assert reply.body.count(b'\n') == 1
    head = api.request(method='HEAD')
    assert (head.status, head.body) == (200, b'')
    options = api.request(method='OPTIONS')
    assert (options.status, options.headers['Allow']) == (200, 'GET, HEAD, OPTIONS, POST')


def big(size):
    return b'{"action": "Body", "x": "' + b'x' * (size - 27) + b'"}'


@pytest.mark.parametrize('chunked', [False, True])
def test_body_limit(chunked):
    """As much as CONF.max_body, looked up at each request, and no byte more."""
    api = make_api({'Body': dict})
    api.app.settings.max_body = 1000
    with serve(api) as served:

        def post(size):
            body = big(size)
            if not chunked:
                return served.request(body)
            chunks = b'%x\r\n%s\r\n0\r\n\r\n' % (size, body)
            return served.request(chunks, headers=CHUNKED)

        assert post(1000).status == 200
        reply = post(1001)
        assert (reply.status, reply.code) == (413, 4110)
        assert reply.headers['Connection'] == 'close'
        api.app.settings.max_body = 2000
        assert post(1001).status == 200


def test_a_body_over_the_limit_is_not_read(api):
    """The answer comes while the body is still to come, and does not wait for 100-continue."""
    headers = {'Content-Length': str(10**12), 'Expect': '100-continue'}
    reply = api.send(request(b'{', headers=headers))
    assert (reply.status, reply.code) == (413, 4110)


def test_an_endless_chunked_body_is_cut(api):
    """The client gets its answer although it goes on sending."""
    with api.connect() as connection:
        connection.send(request(headers=CHUNKED))
        for _ in range(40):
            connection.send(b'10000\r\n' + b' ' * 65536 + b'\r\n')
        assert connection.receive().status == 413


@pytest.mark.parametrize('size', [0, 1000, 10**6])
def test_a_body_that_nobody_reads(api, size):
    """The next request is not taken from the midst of it; a large one ends the connection."""
    with api.connect() as connection:
        connection.send(request(big(max(size, 40)), path='/x'))
        reply = connection.receive()
        assert reply.status == 404
        if size > 65536:
            assert reply.headers['Connection'] == 'close'
        else:
            connection.send(request(CALL))
            assert connection.receive().status == 200


def test_body_again(api):
    """Flask's own ways to the body work beside `params`."""
    body = b'{"action": "Body"}'
    assert api.request(body).json == {'json': {'action': 'Body'}, 'raw': body.decode()}


@pytest.mark.parametrize('query', ['?pretty', '?pretty=1', '?a=b&pretty'])
def test_pretty(api, query):
    """Successes and errors are indented."""
    assert b'\n  "action": "Echo"' in api.request(CALL, path=f'/{query}').body
    assert b'\n  "retCode": 4110' in api.request(b'', path=f'/{query}').body
    assert b'\n' not in api.request(CALL, path='/?ugly').body[:-1]


@pytest.mark.parametrize('asked', ['a', 'A-z_0.9', 'x' * 64])
def test_context_id_of_the_client(api, asked):
    """It is the handler's, the answer's and the log's."""
    reply = api.request(b'{"action": "Context"}', headers={'X-Request-Id': asked})
    assert reply.headers['X-Request-Id'] == asked
    assert reply.json == {'contextId': asked, 'server': 'public'}


@pytest.mark.parametrize('asked', ['', 'x' * 65, 'a b', '\xe9', 'a,b', '"'])
def test_context_id_of_our_own(api, asked):
    """32 hexadecimal digits, where the client's cannot be taken."""
    reply = api.request(b'{"action": "Context"}', headers={'X-Request-Id': asked})
    made = reply.headers['X-Request-Id']
    assert reply.json['contextId'] == made
    assert len(made) == 32
    assert int(made, 16)


def test_context_ids_differ(api):
    """On one connection too."""
    with api.connect() as connection:
        seen = set()
        for _ in range(3):
            connection.send(request(CALL))
            seen.add(connection.receive().headers['X-Request-Id'])
    assert len(seen) == 3


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        (request(CALL), '127.0.0.1 Echo 0 200 '),
        (request(b'{"action": "InstanceNotFound"}'), '127.0.0.1 InstanceNotFound 4104 404 '),
        (request(b'{"action": "Unexpected0"}'), '127.0.0.1 Unexpected0 5000 500 '),
        (request(b'{'), '127.0.0.1 - 4110 400 '),
        (request(b'{"action": "Nope"}'), '127.0.0.1 Nope 4000 404 '),
        (request(b'', path='/x'), '127.0.0.1 - 4110 404 '),
        (request(method='GET'), '127.0.0.1 - 0 200 '),
        (b'hello\r\n\r\n', '127.0.0.1 - 4110 400 '),
    ],
)
def test_access_line(api, log, data, said):
    """One for each answer: peer, action, code, HTTP status, milliseconds."""
    api.send(data)
    lines = [record.getMessage() for record in log.records if record.name == 'wumai.access']
    assert len(lines) == 1
    assert lines[0].startswith(said)
    assert lines[0].endswith('ms')


def test_an_action_cannot_forge_a_log_line(api, log):
    """Whatever its characters, its access line is one."""
    api.request(json.dumps({'action': '\n[access] \ud800 0 200'}).encode())
    line = next(record.getMessage() for record in log.records if record.name == 'wumai.access')
    assert '\n' not in line
    assert '4000 404' in line


def test_params_are_not_logged(api, log):
    """Nor is what else came in the body, when all goes wrong."""
    api.request(b'{"action": "Unexpected0", "password": "hunter2"}')
    api.request(b'{"action": "Echo", "password": "hunter2"')
    assert 'hunter2' not in log.text


def test_keep_alive_and_pipelining(api):
    """Requests on one connection are answered in turn."""
    with api.connect() as connection:
        connection.send(request(CALL) * 3)
        assert [connection.receive().status for _ in range(3)] == [200] * 3


def test_requests_run_beside_each_other(monkeypatch, api):
    """A handler that waits holds up nobody."""
    gate = Event()
    monkeypatch.setitem(api.api._router._handlers, 'Wait', lambda: {'ok': gate.wait(LIMIT)})
    waiting = gevent.spawn(api.call, 'Wait')
    assert api.call('Echo').status == 200
    assert not waiting.ready()
    gate.set()
    assert waiting.get(timeout=LIMIT).json == {'ok': True}
