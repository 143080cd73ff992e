"""The API server: an app, and the HTTP server in front of it."""

import errno
import ssl
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gevent.event import Event
from gevent.ssl import SSLContext

from wumai import logger
from wumai.api.app import ApiApp, create_app
from wumai.api.router import Handler, Router
from wumai.common import local
from wumai.error import ConfigError
from wumai.server.http import Server
from wumai.server.signals import stop_signals
from wumai.store.db_errors import StoreError
from wumai.worker.backoff import Backoff

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from wumai.runtime import Runtime


class Api:
    """Answers actions over HTTP; made by `create_api`."""

    app: ApiApp
    """The Flask app, for hooks and further routes of an app's own."""

    def __init__(self, name: str, *, debug: bool = False, runtime: 'Runtime') -> None:
        self.name = name
        self._runtime = runtime
        self._router = Router()
        self.app = create_app(
            name,
            self._router,
            debug=debug,
            entropy=runtime.entropy,
            clock=runtime.clock,
            settings=runtime.config,
        )
        self.started = Event()
        """Set while `start` accepts requests; then `address` is the one that was bound."""
        self.address: tuple[str, int] | None = None
        self._stop = Event()

    def route(self, routes: Mapping[str, Handler]) -> 'Api':
        """Add handlers by action; each takes no argument and returns a dict."""
        self._router.route(routes)
        return self

    def __call__(
        self, environ: 'WSGIEnvironment', start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        """The WSGI app, so that `gunicorn -k gevent module:api` serves it.

        Since its version 20.0.2 gunicorn takes names without a dot only, and not `api.app`.
        """
        return self.app(environ, start_response)

    def start(
        self,
        port: int = 8080,
        host: str = '0.0.0.0',
        *,
        certfile: str | None = None,
        keyfile: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        grace: float = 30,
    ) -> None:
        """Serve until SIGTERM, SIGINT, SIGQUIT or `stop()`; then let running requests end.

        Port 0 is any free one. HTTPS with a certificate (`certfile` may hold the key too), or
        with a context of the app's own. Raises ConfigError where it cannot serve.
        """
        tls = ssl_context or _tls(certfile, keyfile)
        outer = local.get_server()
        local.set_server(self.name)
        self._stop.clear()
        try:
            with stop_signals(self.stop):
                if self._await_database():
                    self._serve((host, port), tls, grace)
        finally:
            local.set_server(outer)

    def stop(self) -> None:
        """Begin the graceful stop; `start` returns when it is done."""
        self._stop.set()

    def actions(self) -> list[str]:
        """What it has handlers for."""
        return sorted(self._router.handlers)

    @property
    def tables(self) -> list[str]:
        """Those that it needs to serve: the journal's, where a route is journalled."""
        handlers = self._router.handlers.values()
        journalled = any(hasattr(one, 'wumai_journalled') for one in handlers)
        return ['operation'] if journalled else []

    def _serve(self, address: tuple[str, int], tls: ssl.SSLContext | None, grace: float) -> None:
        server = self._listen(address, tls)
        try:
            self._stop.wait()
            logger.info('stopping: %d connections are open', len(server.connections))
        finally:
            self.started.clear()
            server.shut(grace)
        logger.info('stopped')

    def _listen(self, address: tuple[str, int], tls: ssl.SSLContext | None) -> Server:
        new_context_id = self.app.new_context_id
        try:
            server = Server(
                address, self.app, name=self.name, new_context_id=new_context_id, tls=tls
            )
            server.start()
        except (OSError, OverflowError, ValueError) as error:
            host, port = address
            raise ConfigError(f'cannot listen on {host}:{port}: {_reason(error)}') from None
        host, port = server.socket.getsockname()[:2]
        self.address = host, port
        scheme = 'http' if tls is None else 'https'
        logger.info('%s listens on %s://%s:%d', self.name, scheme, host, port)
        self.started.set()
        return server

    def _await_database(self) -> bool:
        """Wait until the journal's table can be checked; false if stopped before."""
        if not self.tables:
            return True
        backoff = Backoff(self._runtime)
        while not self._stop.is_set():
            try:
                for problem in self._runtime.store.problems(self.tables):
                    logger.warning('%s', problem)
                return True
            except StoreError as error:
                self._stop.wait(backoff.next(error, 'waiting for the database'))
        return False


_HELP = {
    errno.EADDRINUSE: 'the address is in use; is another server running?',
    errno.EACCES: 'permission denied; ports below 1024 may need privileges',
}


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return _HELP.get(error.errno or 0) or error.strerror or str(error)
    return str(error)


def _tls(certfile: str | None, keyfile: str | None) -> ssl.SSLContext | None:
    if certfile is None:
        if keyfile is not None:
            raise ConfigError('keyfile is given, but no certfile')
        return None
    # gevent's, since a process that was given its runtime may not be patched.
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError too
        files = certfile if keyfile is None else f'{certfile} and {keyfile}'
        raise ConfigError(f'cannot use the certificate in {files}: {_reason(error)}') from None
    return context


def _no_password() -> str:
    """Instead of a question at the terminal, at which no server sits."""
    raise ValueError('the key is encrypted')
