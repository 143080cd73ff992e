"""`wumai api` and `wumai worker`: the servers of an app, patched before the app is imported."""

import warnings
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wumai.server import Api, Worker


PORT = click.IntRange(0, 65535)
PATIENCE = 2.0
"""Seconds after which it is told that a server waits for its database."""


def patch() -> None:
    """Patch gevent in. First of all, so that no module holds on to what it replaces."""
    from gevent import monkey

    with warnings.catch_warnings():
        # `wumai check` has libraries loaded, of which some look for others that hold on to ssl.
        warnings.simplefilter('ignore', monkey.MonkeyPatchWarning)
        monkey.patch_all()


@click.command()
@click.argument('app', metavar='MODULE:API')
@click.option('--port', type=PORT, default=8080, show_default=True, help='0 is any free one.')
@click.option('--host', default='0.0.0.0', show_default=True, help='The address to listen on.')
@click.option('--certfile', metavar='FILE', help='Serve HTTPS with this certificate (PEM).')
@click.option('--keyfile', metavar='FILE', help='Its key, unless the certificate file has it.')
def api(app: str, port: int, host: str, certfile: str | None, keyfile: str | None) -> None:
    """Serve the API of an app until SIGTERM or Ctrl-C; running requests are let end.

    MODULE:API names what create_api() returned, such as myapp.api:api, or a function that makes
    it: myapp.api:make(). Modules are looked for in the working directory too.

    \b
    Example:
      wumai api myapp.api:api --port 8080
    """
    patch()
    import gevent

    from wumai.cli.target import load
    from wumai.server import Api

    server = load(app, Api, 'create_api')
    gevent.spawn(_announce, server, 'http' if certfile is None else 'https')
    server.start(port, host, certfile=certfile, keyfile=keyfile)


def _announce(server: 'Api', scheme: str) -> None:
    from wumai.config import CONF

    if not server.started.wait(PATIENCE):
        _tell_of_wait(server.name)
    server.started.wait()
    host, port = server.address or ('', 0)
    shown = f'[{host}]' if ':' in host else host
    click.echo(
        f'{server.name} listens on {scheme}://{shown}:{port}, logs to {CONF.log_dir}/{server.name}'
    )
    if problem := _why_no_jobs():
        click.echo(f'no job can be created: {problem}', err=True)


def _tell_of_wait(name: str) -> None:
    from wumai.config import CONF

    told = f'the database does not answer: waiting for it, see {CONF.log_dir}/{name}/db.log'
    click.echo(told, err=True)


def _why_no_jobs() -> str | None:
    """What Job.create would meet, unless no database is set, which an api may do without."""
    from wumai import bootstrap
    from wumai.config import CONF
    from wumai.error import WumaiError

    if not any(map(CONF.get, ('DB_URL', 'DB_HOST', 'DB_USER', 'DB_DATABASE'))):
        return None
    try:
        bootstrap.current().store.problems(['job'])
    except WumaiError as error:
        return ' '.join(str(error).split())
    return None


@click.command()
@click.argument('app', metavar='MODULE:WORKER')
@click.option('--health-port', type=PORT, help='Answer GET /healthz and /readyz on this port.')
def worker(app: str, health_port: int | None) -> None:
    """Run the jobs of an app until SIGTERM or Ctrl-C; running jobs are let end, or handed back.

    MODULE:WORKER names what create_worker() returned, such as myapp.worker:worker, or a function
    that makes it: myapp.worker:make(). Modules are looked for in the working directory too.

    \b
    Example:
      wumai worker myapp.worker:worker
    """
    patch()
    import gevent

    from wumai.cli.target import load
    from wumai.config import CONF
    from wumai.server import Worker

    server = load(app, Worker, 'create_worker')
    click.echo(f'worker starts, logs to {CONF.log_dir}/worker')
    gevent.spawn_later(PATIENCE, _tell_if_it_waits, server)
    server.start(health_port=health_port)


def _tell_if_it_waits(server: 'Worker') -> None:
    if server.facts()['status'] == 'starting':
        _tell_of_wait('worker')
