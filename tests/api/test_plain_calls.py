"""A call in which nothing of Flask's has a part goes a shorter way, and nobody can tell.

The first request of an app goes Flask's own way in any case, so each test sends several.
"""

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface

from tests.api.serving import make_api
from wumai import iaas_error
from wumai.api.app import ApiApp

CALL = {'action': 'Echo'}


class AppError(Exception):
    """Of an app that has its own error handler for it."""


def raising(error: BaseException) -> Callable[[], dict[str, Any]]:
    def handler() -> dict[str, Any]:
        raise error

    return handler


def seen_by_flask() -> dict[str, Any]:
    first = 'seen' not in flask.g
    flask.g.seen = True
    return {
        'app': flask.current_app.name,
        'endpoint': flask.request.endpoint,
        'rule': str(flask.request.url_rule),
        'arguments': flask.request.view_args,
        'blueprints': flask.request.blueprints,
        'url': flask.url_for('about'),
        'g is new': first,
        'session': dict(flask.session),
    }


def keep() -> dict[str, Any]:
    flask.session['kept'] = True
    return {}


@pytest.fixture
def app() -> ApiApp:
    routes = {
        'Echo': lambda: {'params': flask.request.params},
        'Seen': seen_by_flask,
        'Keep': keep,
        'NotFound': raising(iaas_error.ResourceNotFound('i-1')),
        'Fail': raising(AppError('teapot')),
        'Abort': lambda: flask.abort(404),
        'Exit': raising(SystemExit(3)),
        'List': list,
    }
    return make_api(routes).app


@pytest.fixture
def client(app: ApiApp) -> Any:
    return app.test_client()


@pytest.fixture
def dispatched(app: ApiApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that went Flask's own way."""
    paths: list[str] = []
    dispatch = app.dispatch_request

    def spy(*context: Any) -> Any:
        paths.append(flask.request.path)
        return dispatch(*context)

    monkeypatch.setattr(app, 'dispatch_request', spy)
    return paths


def test_the_first_request_goes_the_whole_way(client: Any, dispatched: list[str]) -> None:
    """And of the others those that are no call."""
    for path in ('/', '/', '/', '/nowhere', '/'):
        client.post(path, json=CALL)
    client.options('/')
    client.get('/')
    assert dispatched == ['/', '/nowhere', '/', '/']


def test_flask_allows_no_hooks_afterwards(app: ApiApp, client: Any) -> None:
    """Which is why a look at those that there are will do."""
    client.post('/', json=CALL)
    with pytest.raises(AssertionError, match='setup method'):
        app.before_request(lambda: None)


@pytest.mark.parametrize('query', ['', '?pretty'])
@pytest.mark.parametrize(
    'body',
    [
        *(f'{{"action": "{name}"}}' for name in ('Echo', 'Seen', 'Keep', 'NotFound', 'Fail')),
        *(f'{{"action": "{name}"}}' for name in ('Abort', 'Exit', 'List', 'Nope', '')),
        '{',
    ],
)
def test_the_answers_are_the_same(client: Any, body: str, query: str) -> None:
    """Status, headers and body, of successes and errors; `g` is new for each request."""

    def answer() -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {'X-Request-Id': 'me'}
        reply = client.post(
            f'/{query}', data=body, content_type='application/json', headers=headers
        )
        return reply.status_code, list(reply.headers), reply.data

    whole = answer()
    assert [answer() for _ in range(2)] == [whole, whole]


SIGNALS = [
    flask.appcontext_pushed,
    flask.request_started,
    flask.request_finished,
    flask.request_tearing_down,
    flask.appcontext_tearing_down,
    flask.appcontext_popped,
]


@pytest.mark.parametrize('signal', SIGNALS, ids=[signal.name for signal in SIGNALS])
def test_signals(app: ApiApp, client: Any, signal: Any) -> None:
    """Whoever is connected, and be it after the first request, is told of each."""
    client.post('/', json=CALL)
    seen = []

    def receiver(sender: Any, **_: Any) -> None:
        seen.append(sender)

    with signal.connected_to(receiver, app):
        for _ in range(2):
            client.post('/', json=CALL)
    client.post('/', json=CALL)
    assert seen == [app, app]


def blueprint(app: ApiApp, hook: Callable[[], None]) -> None:
    part = flask.Blueprint('part', __name__)
    part.before_app_request(hook)
    app.register_blueprint(part)


def after(app: ApiApp, hook: Callable[[], None]) -> None:
    @app.after_request
    def after_request(response: flask.Response) -> flask.Response:
        hook()
        return response


HOOKS: dict[str, Callable[[ApiApp, Callable[[], None]], object]] = {
    'before_request': lambda app, hook: app.before_request(hook),
    'before_app_request of a blueprint': blueprint,
    'after_request': after,
    'teardown_request': lambda app, hook: app.teardown_request(lambda _: hook()),
    'teardown_appcontext': lambda app, hook: app.teardown_appcontext(lambda _: hook()),
    'url_value_preprocessor': lambda app, hook: app.url_value_preprocessor(lambda *_: hook()),
}


@pytest.mark.parametrize('register', HOOKS.values(), ids=HOOKS.keys())
def test_hooks(app: ApiApp, client: Any, register: Callable[..., object]) -> None:
    """Each is called at each request."""
    seen: list[Any] = []
    register(app, lambda: seen.append(flask.current_app.name))
    for _ in range(3):
        assert client.post('/', json=CALL).status_code == 200
    assert seen == ['public'] * 3


@pytest.mark.parametrize('action', ['This', 'ThisAndFail'])
def test_after_this_request(action: str) -> None:
    """What a handler asks for is done with its answer, or with its error's."""

    def add(response: flask.Response) -> flask.Response:
        response.headers['X-Added'] = flask.request.action  # type: ignore[attr-defined]
        return response

    def handler() -> dict[str, Any]:
        flask.after_this_request(add)
        if action == 'ThisAndFail':
            raise AppError
        return {}

    client = make_api({action: handler}).app.test_client()
    for _ in range(3):
        assert client.post('/', json={'action': action}).headers['X-Added'] == action


def test_error_handlers_of_an_app(app: ApiApp, client: Any) -> None:
    """They answer each time, and those who are connected hear of what nobody handles."""
    app.register_error_handler(AppError, lambda _: ({'retCode': 4900}, 418))
    for _ in range(3):
        reply = client.post('/', json={'action': 'Fail'})
        assert (reply.status_code, reply.json['retCode']) == (418, 4900)


def test_an_error_handler_that_fails(app: ApiApp, client: Any) -> None:
    """5000, and Flask's signal of an exception that nobody handled."""
    seen = []

    def failing(_: AppError) -> flask.Response:
        raise ValueError('worse')

    def receiver(_: Any, exception: Exception) -> None:
        seen.append(str(exception))

    app.register_error_handler(AppError, failing)
    with flask.got_request_exception.connected_to(receiver, app):
        for _ in range(3):
            assert client.post('/', json={'action': 'Fail'}).json['retCode'] == 5000
    assert seen == ['worse'] * 3


def test_teardown_sees_no_handled_error_and_may_fail(app: ApiApp, client: Any) -> None:
    """As with Flask; a teardown function that raises makes it a 5000."""
    seen = []

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        seen.append(error)
        if flask.request.action == 'Echo':  # type: ignore[attr-defined]
            raise AppError('teardown')

    for _ in range(2):
        assert client.post('/', json={'action': 'Fail'}).json['retCode'] == 5000
        assert client.post('/', json=CALL).json['retCode'] == 5000
    assert seen == [None] * 4


def test_a_session(app: ApiApp, client: Any) -> None:
    """It is kept, however late the app has a key for it."""
    assert client.post('/', json={'action': 'Keep'}).json['retCode'] == 5000  # no key
    app.secret_key = 'key'
    assert 'Set-Cookie' in client.post('/', json={'action': 'Keep'}).headers
    assert client.post('/', json={'action': 'Seen'}).json['session'] == {'kept': True}


def test_a_session_of_the_apps_own_kind(app: ApiApp, client: Any) -> None:
    """It needs no key."""

    class Sessions(SecureCookieSessionInterface):
        def open_session(self, *_: Any) -> SecureCookieSession:
            return SecureCookieSession()

        def save_session(self, _app: Any, session: Any, response: Any) -> None:
            assert not isinstance(session, NullSession)
            response.headers['X-Kept'] = str(session.get('kept'))

    client.post('/', json=CALL)
    app.session_interface = Sessions()
    assert client.post('/', json={'action': 'Keep'}).headers['X-Kept'] == 'True'


def test_a_view_that_was_wrapped(app: ApiApp, client: Any) -> None:
    """As libraries do with the views of an app."""
    client.post('/', json=CALL)
    view = app.view_functions['action']
    app.view_functions['action'] = lambda: flask.Response(view().get_data() + b'!', 202)
    reply = client.post('/', json=CALL)
    assert (reply.status_code, reply.data[-1:]) == (202, b'!')


def test_whoever_dispatches_has_a_response(app: ApiApp, client: Any) -> None:
    """Flask's method may be called in a context of one's own."""
    client.post('/', json=CALL)
    with app.test_request_context('/', method='POST', json=CALL):
        assert app.full_dispatch_request().status_code == 200


def test_the_context_that_a_test_keeps(app: ApiApp) -> None:
    """`with app.test_client()` shows the request after its answer."""
    with app.test_client() as client:
        for _ in range(2):
            client.post('/', json=CALL)
            assert flask.request.params == CALL  # type: ignore[attr-defined]
    assert not flask.has_request_context()
