"""`wumai demo`: a real api and a real worker on a temporary database, and what their jobs do."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from wumai.cli.demo_client import Client
from wumai.cli.demo_servers import Server, environment
from wumai.cli.demo_story import DemoError, Story
from wumai.cli.demo_view import View
from wumai.cli.servers import PORT
from wumai.cli.signals import Interrupts
from wumai.clock import SystemClock


@click.command()
@click.option('--serve', is_flag=True, help='Then leave the servers running for curl.')
@click.option('--port', type=PORT, default=0, help='Of the api; by default any free one.')
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
        with Interrupts() as interrupts, Stage(view, port, interrupts) as stage:
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

    def __init__(self, view: View, port: int, interrupts: Interrupts) -> None:
        self._view = view
        self._port = port
        self._interrupts = interrupts
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
        with self._interrupts.put_off():
            folder = tempfile.TemporaryDirectory(prefix='wumai-demo-', ignore_cleanup_errors=True)
            self.folder = Path(self._stack.enter_context(folder))
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
        environ = environment(self.folder, self.database)
        with self._interrupts.put_off():
            server = Server(role, [role, *arguments], self.folder, environ, on_line)
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
        self._interrupts.ignore()
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
