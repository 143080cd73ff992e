"""The Flask app: the way of a request from the socket to its handler and back."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

import flask
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import MapAdapter, Rule
from werkzeug.utils import cached_property

from wumai import logger
from wumai.api import envelope
from wumai.api.envelope import Answer, Call, MalformedRequest, Params
from wumai.api.router import Router
from wumai.clock import Clock
from wumai.common import local
from wumai.config import Config
from wumai.entropy import Entropy
from wumai.error import ActionError, describe

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# What the parts of a request leave in its environ for the access line.
_ACTION, _CODE = 'wumai.action', 'wumai.code'

_SERVED = 'wumai.served'
"""Marks the environ of a request whose Response nobody sees but the server."""

_CLOSE = {'Connection': 'close'}
"""For an answer to a request that was not read to its end: what follows is no request."""


class Request(flask.Request):
    """`flask.request` of an API: the action and its params beside what Flask has."""

    @property
    def action(self) -> str:
        """The action that is asked for. Raises MalformedRequest."""
        return self.call.action

    @property
    def params(self) -> Params:
        """The whole body, `action` included; what is not in it is answered with 4100.

        Raises MalformedRequest.
        """
        return self.call.params

    @cached_property
    def call(self) -> Call:
        """What the body asks for, read when first needed. Raises MalformedRequest."""
        app = cast(ApiApp, flask.current_app)
        envelope.check_content_type(self.environ.get('CONTENT_TYPE'))
        call = envelope.read_call(_read_body(self.environ, app.settings.max_body))
        self.environ[_ACTION] = call.action
        return call


request = cast(Request, flask.request)
"""`flask.request` itself, for type checkers."""


def _read_body(environ: 'WSGIEnvironment', limit: int) -> bytes:
    """The body, and never much more than `limit` of it. Raises MalformedRequest."""
    stated = environ.get('CONTENT_LENGTH') or None
    if stated is None and not environ.get('wsgi.input_terminated'):
        return b''
    length = _length(stated)
    if length is not None and length > limit:
        raise MalformedRequest(f'the body has over {limit} bytes', 413, _CLOSE)
    try:
        body: bytes = environ['wsgi.input'].read(limit + 1 if length is None else length)
    except OSError:
        body = b''
        length = -1
    if len(body) > limit:
        raise MalformedRequest(f'the body has over {limit} bytes', 413, _CLOSE)
    if length is not None and len(body) != length:
        raise MalformedRequest('the body is not complete', headers=_CLOSE)
    environ['wsgi.input'] = BytesIO(body)  # for `flask.request.get_data()` and the like
    return body


def _length(stated: str | None) -> int | None:
    if stated is None:
        return None
    # int() takes '1_0', '+1' and a million digits too.
    if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
        raise MalformedRequest('the Content-Length is no number', headers=_CLOSE)
    return int(stated)


class _Response(flask.Response):
    """An answer whose headers need no completion: it is bytes, and Content-Length is set."""

    def __call__(
        self, environ: 'WSGIEnvironment', start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        # An after_request function may have made it into anything else.
        if self._on_close or not isinstance(self.response, list):
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.response


class _Success:
    """A success that goes out without a Response, where nobody would look at one."""

    __slots__ = ('_body',)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __call__(self, _: 'WSGIEnvironment', start_response: 'StartResponse') -> Iterable[bytes]:
        length = str(len(self._body))
        start_response('200 OK', [('Content-Type', envelope.JSON), ('Content-Length', length)])
        return [self._body]


class _ActionAdapter:
    """Flask's routing for `POST /`, known without a search. All else is left to Flask's own."""

    def __init__(self, rule: Rule, full: Callable[[], MapAdapter | None]) -> None:
        self._rule, self._full = rule, full

    def match(self, *_: Any, **__: Any) -> tuple[Rule, dict[str, Any]]:
        return self._rule, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._full(), name)


class _Head:
    """A start_response that keeps what it is told, and may be told anew."""

    __slots__ = ('headers', 'status')

    def __call__(self, status: str, headers: list[tuple[str, str]], _: Any = None, /) -> Any:
        self.status, self.headers = status, headers


class ApiApp(flask.Flask):
    """An app with one endpoint, that answers every error as JSON with a code."""

    request_class = Request

    def __init__(
        self,
        name: str,
        router: Router,
        *,
        debug: bool,
        entropy: Entropy,
        clock: Clock,
        settings: Config,
    ) -> None:
        root = str(settings.get('app_root') or '.')
        super().__init__(name, static_folder=None, root_path=root)
        self.settings = settings
        self._router, self._show_errors = router, debug
        self._entropy, self._clock = entropy, clock
        self.url_map.merge_slashes = False
        self.add_url_rule('/', 'action', self._act, methods=['POST'])
        self.add_url_rule('/', 'about', self._about, methods=['GET'])
        self._rule = next(self.url_map.iter_rules('action'))
        self._view, self._session_interface = self.view_functions['action'], self.session_interface
        self._has_begun = False
        self.register_error_handler(Exception, self._answer_error)

    def wsgi_app(
        self, environ: 'WSGIEnvironment', start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        """Answer one request, in a context of its own, and write its access line."""
        began = self._clock.monotonic()
        outer = local.get_server(), local.get_context_id()
        context_id = self._named(environ.get('HTTP_X_REQUEST_ID'))
        local.enter(self.name, context_id)
        head = _Head()
        environ[_SERVED] = True
        try:
            body = super().wsgi_app(environ, head)
        except BaseException as error:  # of a teardown function, when there was an answer
            body = self._failed(error, environ)(environ, head)
        self._log_access(environ, int(head.status[:3]), self._clock.monotonic() - began)
        local.enter(*outer)
        start_response(head.status, [*head.headers, ('X-Request-Id', context_id)])
        return body

    def _log_access(self, environ: 'WSGIEnvironment', http_status: int, seconds: float) -> None:
        peer, action = environ.get('REMOTE_ADDR') or '-', environ.get(_ACTION)
        code = environ.get(_CODE, 0 if http_status < 400 else MalformedRequest.code)
        logger.access(peer, action, code, http_status, seconds * 1000)

    def _named(self, asked: str | None) -> str:
        if asked and envelope.is_context_id(asked):
            return asked
        return self.new_context_id()

    def new_context_id(self) -> str:
        """A name for a request that came without one."""
        return self._entropy.nonce() + self._entropy.nonce()

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Flask's own, or a shorter way to it for `POST /`."""
        if request is None or self.config.get('TRUSTED_HOSTS') is not None:
            return super().create_url_adapter(request)
        environ = request.environ
        if environ['REQUEST_METHOD'] != 'POST' or environ.get('PATH_INFO') != '/':
            return super().create_url_adapter(request)
        full = super().create_url_adapter
        return cast(MapAdapter, _ActionAdapter(self._rule, lambda: full(request)))

    def full_dispatch_request(self, *context: Any) -> flask.Response:
        """Flask's, or the call alone where nothing that was registered has a part in it."""
        entered: Any = context[0] if context else flask.globals.request_ctx
        request: Request = entered.request
        if not self._is_plain(request):
            self._has_begun = True
            return super().full_dispatch_request(*context)
        try:
            done: Any = self._do(request)
        except Exception as error:
            done = self.handle_user_exception(*(*context, error))
        if isinstance(done, Answer):
            if not entered._after_request_functions:
                return cast(flask.Response, _Success(done.body))
            done = _response(done)
        return self.finalize_request(*(*context, done))

    def _is_plain(self, request: flask.Request) -> bool:
        """Whether it is a call, and no hook, signal or session is to know of it."""
        return (
            self._has_begun  # Flask wants to see the first request, and allows no hooks thereafter
            and _SERVED in request.environ
            and request.url_rule is self._rule
            and request.method == 'POST'
            and self.view_functions['action'] is self._view
            and None not in self.url_value_preprocessors
            and None not in self.before_request_funcs
            and None not in self.after_request_funcs
            and not (flask.request_started.receivers or flask.request_finished.receivers)
            and self.session_interface is self._session_interface
            and self.config['SECRET_KEY'] is None
        )

    def make_default_options_response(self, *context: Any) -> flask.Response:
        """Flask's, with the methods in an order that does not change from run to run."""
        response = super().make_default_options_response(*context)
        response.headers['Allow'] = _in_order(response.headers['Allow'])
        return response

    def log_exception(self, exc_info: Any) -> None:
        """Nothing: `_answer_error` has it in our own log."""

    def _about(self) -> flask.Response:
        text = f'{self.name}: POST / with a JSON object such as {{"action": "..."}}\n'
        return flask.Response(text, mimetype='text/plain')

    def _act(self) -> flask.Response:
        done = self._do(flask.request._get_current_object())  # type: ignore[attr-defined]
        return _response(done) if isinstance(done, Answer) else done

    def _do(self, request: Request) -> Answer | flask.Response:
        handler = self._router.find(request.call.action)
        try:
            return envelope.success(handler(), pretty=_pretty(request.environ))
        except HTTPException as error:
            # `abort(404)` in a handler names no code of ours: it is "anything else", a 5000.
            return self._failed(error, request.environ)
        except Exception:
            raise  # to error handlers that the app registered, and then to ours
        except BaseException as error:
            # SystemExit, GreenletExit and the like cost this request and not the server.
            return self._failed(error, request.environ)

    def _answer_error(self, error: BaseException) -> flask.Response | HTTPException:
        """The answer to what a handler, a hook or Flask's routing raised."""
        if isinstance(error, InternalServerError) and error.original_exception:
            error = error.original_exception
        if isinstance(error, HTTPException):
            if error.response is not None or (error.code or 0) < 400:
                return error
            error = _refusal(error)
        return self._failed(error, flask.request.environ)

    def _failed(self, error: BaseException, environ: 'WSGIEnvironment') -> flask.Response:
        if not isinstance(error, ActionError) or error.http_status >= 500:
            logger.error(
                '%s failed: %s%s',
                environ.get(_ACTION, 'the request'),
                describe(error),
                envelope.stacktrace_of(error),
                exc_info=error,
            )
        answer = envelope.failure(
            error, local.get_context_id(), debug=self._show_errors, pretty=_pretty(environ)
        )
        environ[_CODE] = answer.code
        response = _response(answer)
        if isinstance(error, MalformedRequest):
            response.headers.update(error.headers)
        return response


def _response(answer: Answer) -> flask.Response:
    return _Response(answer.body, answer.http_status, content_type=envelope.JSON)


def _pretty(environ: 'WSGIEnvironment') -> bool:
    query = environ.get('QUERY_STRING')
    return bool(query) and 'pretty' in parse_qs(query, keep_blank_values=True)


def _refusal(error: HTTPException) -> MalformedRequest:
    """An HTTP error of the routing or of a hook, as JSON: it keeps its status and its headers."""
    http_status = error.code or 500
    headers = dict(error.get_headers())
    del headers['Content-Type']
    if 'Allow' in headers:
        headers['Allow'] = _in_order(headers['Allow'])
    refusal = MalformedRequest(str(error.description or error.name), http_status, headers)
    if http_status >= 500:
        refusal.code = ActionError.code
    return refusal


def _in_order(methods: str) -> str:
    return ', '.join(sorted(methods.split(', ')))


def create_app(
    name: str, router: Router, *, debug: bool, entropy: Entropy, clock: Clock, settings: Config
) -> ApiApp:
    """The app that does what `router` knows. With `debug`, errors show their traceback."""
    return ApiApp(name, router, debug=debug, entropy=entropy, clock=clock, settings=settings)
