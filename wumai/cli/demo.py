"""`wumai demo`: a real api and a real worker on a temporary database, and what their jobs do."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click

from wumai.cli.demo_client import Client
from wumai.cli.demo_servers import Server, environment
from wumai.cli.demo_story import DemoError, Story
from wumai.cli.demo_view import View
from wumai.clock import SystemClock

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option('--serve', is_flag=True, help='Then leave the servers running for curl.')
@click.option('--port', default=0, help='Of the api; by default any free one.')
def demo(serve: bool, port: int) -> None:
    """Show in seconds how jobs run, fail, are retried, time out, give up and are told of.

    A real api and a real worker run as processes of their own on a temporary SQLite database;
    all of it is gone afterwards. The exit code is 0 if all went as told.

    \b
    Example:
      wumai demo
      wumai demo --serve --port 8080
    """
    view = View(SystemClock())
    shown = False
    try:
        with interruptible(), Stage(view, port) as stage:
            story = Story(stage.client, view)
            story.play()
            codes = {} if serve else stage.stop()
            story.summarise()
            shown = True
            if serve:
                stage.explain()
                story.watch_on()
            check_codes(codes)
    except KeyboardInterrupt:
        if not shown:
            click.echo('interrupted; the servers and the database are gone', err=True)
            sys.exit(130)
        click.echo('\nstopped; the servers and the database are gone')


class Stage:
    """The temporary folder, the database and the two servers; leaving it takes all away."""

    def __init__(self, view: View, port: int) -> None:
        self._view = view
        self._port = port
        self._stack = ExitStack()
        self.servers: list[Server] = []

    def __enter__(self) -> 'Stage':
        try:
            self._set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _set_up(self) -> None:
        self.folder = Path(self._stack.enter_context(temporary_folder()))
        self.database = f'sqlite:///{self.folder}/wumai.db'
        make_tables(self.database)
        self._view.head('database', self.database)
        self._start('api', 'wumai.cli.demo_app.api:api', '--host=127.0.0.1', f'--port={self._port}')
        self._start('worker', 'wumai.cli.demo_app.worker:worker')
        self.client = Client(self.servers[0].await_address())
        self._stack.callback(self.client.close)
        self._view.head('api', self.client.url)

    def _start(self, role: str, *arguments: str) -> None:
        self._view.head(role, f'wumai {role} {" ".join(arguments)}')
        on_line = self._view.notice if role == 'worker' else None
        server = Server(
            role, [role, *arguments], self.folder, environment(self.folder, self.database), on_line
        )
        self.servers.append(server)
        self._stack.callback(server.kill)

    def explain(self) -> None:
        """Say what may be tried now."""
        self._view.explain(self.client.url, self.database)

    def stop(self) -> dict[str, int]:
        """Stop both servers gracefully; their exit codes."""
        for server in self.servers:
            server.terminate()
        return {server.role: server.wait() for server in self.servers}

    def __exit__(self, *_: object) -> None:
        # It takes a moment, and another Ctrl-C shall not leave half of it behind.
        with ignored_signals():
            self.stop()
            self._stack.close()


def make_tables(database: str) -> None:
    from wumai.cli.database import opened, settings
    from wumai.cli.schema import made

    with (
        opened(settings(database), create=True) as runtime,
        runtime.store.engine.begin() as connection,
    ):
        list(made(connection))


def check_codes(codes: dict[str, int]) -> None:
    """A graceful stop ends with exit code 0."""
    wrong = [f'{role} ended with exit code {code}' for role, code in codes.items() if code]
    if wrong:
        raise DemoError(', '.join(wrong))


@contextmanager
def temporary_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix='wumai-demo-', ignore_cleanup_errors=True) as folder:
        yield folder


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does."""
    with _handlers(_interrupt):
        yield


@contextmanager
def ignored_signals() -> Iterator[None]:
    with _handlers(signal.SIG_IGN):
        yield


@contextmanager
def _handlers(handler: object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
