"""What is Flask's of the app: hooks, error handlers, further routes, the test client."""

import logging

import flask
import pytest
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from tests.api.serving import make_api
from wumai.api.app import request
from wumai.common import local

CALL = {'action': 'Echo'}


class AppError(Exception):
    """Of an app that has its own error handler for it."""


def fail():
    raise AppError('teapot')


@pytest.fixture
def app():
    return make_api(
        {'Echo': lambda: {'params': flask.request.params, 'g': flask.g.get('user')}, 'Fail': fail}
    ).app


@pytest.fixture
def client(app):
    return app.test_client()


def test_the_test_client(client):
    """It goes the whole way, without a server."""
    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.json['params']) == (200, CALL)
    assert client.post('/', json={}).json['retCode'] == 4110
    assert client.post('/').json['retCode'] == 4110
    assert client.get('/').status_code == 200


def test_a_parameter_that_is_missing():
    """Is the client's mistake, where the handler asks for it by `[]`; other keys are the app's."""
    routes = {
        'Outer': lambda: {'name': flask.request.params['name']},
        'Inner': lambda: {'size': flask.request.params['disk']['size']},
        'Caught': caught,
    }
    client = make_api(routes).app.test_client()
    reply = client.post('/', json={'action': 'Outer'})
    assert (reply.status_code, reply.json['retCode']) == (400, 4100)
    assert reply.json['message'] == "the parameter 'name' is missing"
    assert client.post('/', json={'action': 'Outer', 'name': 'a'}).json == {'name': 'a'}
    reply = client.post('/', json={'action': 'Inner', 'disk': {}})
    assert (reply.status_code, reply.json['retCode']) == (500, 5000)
    assert client.post('/', json={'action': 'Caught'}).json == {'name': 'unnamed'}


def caught():
    """As with any dict."""
    params = request.params
    assert request is flask.request
    assert params.get('name') is None
    assert 'name' not in params
    try:
        return {'name': params['name']}
    except KeyError:
        return {'name': 'unnamed'}


def test_the_context_ends_with_the_request(client):
    """Nothing of it is left to the code that called."""
    client.post('/', json=CALL)
    assert (local.get_context_id(), local.get_server()) == ('-', '')


def test_hooks(app, client):
    """They see the action and its params, share `g`, and may change the answer."""
    seen = []

    @app.before_request
    def before():
        flask.g.user = flask.request.params['action'].upper()

    @app.after_request
    def after(response):
        response.headers['X-Seen'] = flask.request.action
        response.set_data(response.get_data() + b'  ')
        return response

    @app.teardown_request
    def teardown(error):
        seen.append((error, local.get_context_id()))

    reply = client.post('/', json=CALL, headers={'X-Request-Id': 'me'})
    assert reply.json['g'] == 'ECHO'
    assert reply.headers['X-Seen'] == 'Echo'
    assert reply.headers['Content-Length'] == str(len(reply.data))
    assert seen == [(None, 'me')]


def test_a_hook_meets_a_malformed_request(app, client):
    """Asking for its action there is answered as everywhere: 4110."""
    app.before_request(lambda: flask.request.action and None)
    reply = client.post('/', data=b'{')
    assert (reply.status_code, reply.json['retCode']) == (400, 4110)


def test_a_hook_answers_itself(app, client, caplog):
    """Its answer is taken as it is."""
    caplog.set_level(logging.INFO, 'wumai.access')
    app.before_request(lambda: ('closed', 418))
    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.data) == (418, b'closed')
    assert 'X-Request-Id' in reply.headers
    assert '4110 418' in caplog.text


@pytest.mark.parametrize(
    ('error', 'code', 'http_status', 'headers'),
    [
        (TooManyRequests(retry_after=7), 4110, 429, {'Retry-After': '7'}),
        (ServiceUnavailable('back soon'), 5000, 503, {}),
        (ValueError('boom'), 5000, 500, {}),
    ],
)
def test_a_hook_raises(app, client, error, code, http_status, headers):
    """An HTTP error outside of a handler keeps its status and headers, as JSON."""

    @app.before_request
    def before():
        raise error

    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.json['retCode']) == (http_status, code)
    assert headers.items() <= dict(reply.headers).items()
    assert 'boom' not in reply.json['message']


def test_a_hook_aborts_with_an_answer(app, client):
    """`abort(response)` sends that response."""
    app.before_request(lambda: flask.abort(flask.Response('no', 403)))
    assert client.post('/', json=CALL).data == b'no'


@pytest.mark.parametrize('testing', [False, True])
def test_after_request_raises(app, client, testing, caplog):
    """5000, and its traceback once in our log."""
    app.testing = testing

    @app.after_request
    def after(_response):
        raise AppError('after')

    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.json['retCode']) == (500, 5000)
    assert caplog.text.count('AppError: after') >= 1


def test_teardown_raises(app, client, caplog):
    """5000 as well, although an answer was begun."""

    @app.teardown_request
    def teardown(_error):
        raise AppError('teardown')

    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.json['retCode']) == (500, 5000)
    assert reply.headers.getlist('X-Request-Id')
    assert 'AppError: teardown' in caplog.text


def test_error_handlers_of_an_app(app, client):
    """They go before ours for the exceptions that they name."""
    assert client.post('/', json={'action': 'Fail'}).json['retCode'] == 5000
    app = make_api({'Fail': fail}).app
    app.register_error_handler(AppError, lambda _: ({'retCode': 4900}, 418))
    reply = app.test_client().post('/', json={'action': 'Fail'})
    assert (reply.status_code, reply.json['retCode']) == (418, 4900)


def test_further_routes(app, client):
    """An app may have a page beside the actions; its other methods are 405."""
    app.add_url_rule('/health', 'health', lambda: flask.url_for('action'))
    assert client.get('/health').data == b'/'
    assert client.post('/health').json['retCode'] == 4110
    assert client.post('/health').status_code == 405


def test_url_for_in_a_handler():
    """The short way to `POST /` is not in its way."""
    api = make_api({'Where': lambda: {'url': flask.url_for('about', _external=True)}})
    reply = api.app.test_client().post('/', json={'action': 'Where'})
    assert reply.json == {'url': 'http://localhost/'}


def test_trusted_hosts(app, client):
    """Flask's own guard is kept."""
    app.config['TRUSTED_HOSTS'] = ['api.example.com']
    for _ in range(2):
        assert client.post('/', json=CALL).status_code == 400
        assert client.post('/', json=CALL, base_url='http://api.example.com').status_code == 200


def test_middleware(app, client):
    """WSGI middleware wraps all of it."""
    inner = app.wsgi_app

    def middleware(environ, start_response):
        environ['HTTP_X_REQUEST_ID'] = 'wrapped'
        return inner(environ, start_response)

    app.wsgi_app = middleware
    assert client.post('/', json=CALL).headers['X-Request-Id'] == 'wrapped'


def test_call_on_close(app, client):
    """What Flask promises to call at the end of a response is called."""
    closed = []

    @app.after_request
    def after(response):
        response.call_on_close(lambda: closed.append(1))
        return response

    client.post('/', json=CALL).close()
    assert closed == [1]


def test_streamed_instead(app, client):
    """An after_request function may stream."""

    @app.after_request
    def after(response):
        response.response = iter([b'a', b'b'])
        del response.headers['Content-Length']
        return response

    assert client.post('/', json=CALL).data == b'ab'


@pytest.mark.parametrize(
    ('environ', 'code'),
    [
        ({'CONTENT_LENGTH': ''}, 4110),
        ({'CONTENT_LENGTH': 'abc'}, 4110),
        ({'CONTENT_LENGTH': '\u0663'}, 4110),
        ({'REMOTE_ADDR': ''}, None),
    ],
)
def test_servers_other_than_ours(client, environ, code):
    """What another WSGI server lets through is checked here."""
    reply = client.post('/', json=CALL, environ_overrides=environ)
    assert reply.json.get('retCode') == code
