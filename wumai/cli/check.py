"""`wumai check`: what is right, and what to do about the rest."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wumai import __version__
from wumai.cli.database import option, settings, shown
from wumai.cli.findings import Finding, failure, hint, note, ok
from wumai.cli.group import Failure
from wumai.config import Config
from wumai.error import ConfigError, WumaiError

if TYPE_CHECKING:
    from wumai.server import Api, Worker

_MARKS = {'ok': ('ok  ', 'green'), 'note': ('-   ', None), 'hint': ('hint', 'yellow'),
          'failure': ('FAIL', 'red')}  # fmt: skip


@click.command()
@click.argument('apps', metavar='[MODULE:API|MODULE:WORKER]...', nargs=-1)
@option
def check(apps: tuple[str, ...], database: str | None) -> None:
    """Tell what is right, and what to do about the rest: settings, database, tables, channels.

    With the names of an app's servers, as for `wumai api` and `wumai worker`, what the app sets
    is checked too. The exit code is 1 if something would stop a server.

    \b
    Example:
      wumai check
      wumai check myapp.api:api myapp.worker:worker
    """
    if apps:
        from wumai.cli.servers import patch

        patch()
    failed = False
    for finding in _findings(apps, database):
        _show(finding)
        failed = failed or finding.level == 'failure'
    if failed:
        raise Failure('a server would not run: see what FAILs above')


def _show(finding: Finding) -> None:
    mark, colour = _MARKS[finding.level]
    click.echo(f'{click.style(mark, fg=colour)}  {finding.subject:<15}  {finding.text}')


def _findings(apps: Sequence[str], database: str | None) -> Iterator[Finding]:
    yield _versions()
    servers: list[Api | Worker] = []
    for app in apps:
        yield _load(app, servers)
    config = settings(database)  # now that the app has set its own
    yield from _settings(config, required=bool(apps))
    tables = {name for server in servers for name in server.tables}
    if apps and len(servers) == len(apps) and not tables:
        yield note('database', 'not needed: no worker is named, and no route is journalled')
    else:
        yield from _database(config, tables or {'job'})
    yield from _channels(config)


def _versions() -> Finding:
    import gevent
    import sqlalchemy

    return ok(
        'versions',
        f'wumai {__version__}, Python {platform.python_version()}, gevent {gevent.__version__}, '
        f'SQLAlchemy {sqlalchemy.__version__}',
    )


def _load(target: str, servers: 'list[Api | Worker]') -> Finding:
    from wumai.cli.target import TargetError, load_any
    from wumai.server import Api, Worker

    try:
        server = load_any(target, 'worker', 'api')
        if not isinstance(server, Api | Worker):
            raise TargetError(f'{target} is a {type(server).__name__}, and no api or worker')
        actions = server.actions()
    except WumaiError as error:
        return failure('app', str(error))
    servers.append(server)
    kind = type(server).__name__.lower()
    if not actions:
        return hint('app', f'{target} is an {kind} without a route: call its route({{...}})')
    return ok('app', f'{target}, {kind} of {_listed(actions)}')


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def _settings(config: Config, *, required: bool) -> Iterator[Finding]:
    try:
        config.check()
    except ConfigError as error:
        yield failure('settings', str(error))
    else:
        yield from _folders(config, required=required)


def _folders(config: Config, *, required: bool) -> Iterator[Finding]:
    for name in ('app_root', 'log_dir'):
        path = config.get(name)
        if path is not None:
            yield _log_dir(Path(path)) if name == 'log_dir' else _app_root(Path(path))
        elif required:
            yield failure(name, f'not set: wumai.config.CONF.apply({name}=...)')
        else:
            yield note(name, 'set by the app: name its servers to have it checked')


def _app_root(path: Path) -> Finding:
    if path.is_dir():
        return ok('app_root', str(path))
    # Servers with routes of their own start all the same; a worker that loads its own has failed.
    return hint('app_root', f'{path} is no folder: set the one that holds the app')


def _log_dir(path: Path) -> Finding:
    nearest = next(one for one in (path, *path.absolute().parents) if one.exists())
    if not nearest.is_dir():
        return failure('log_dir', f'{nearest} is no folder')
    if not os.access(nearest, os.W_OK | os.X_OK):
        return failure('log_dir', f'{nearest} cannot be written by user {os.getuid()}')
    return ok('log_dir', f'{path}, writable' if nearest == path else f'{path}, will be made')


def _database(config: Config, tables: Iterable[str]) -> Iterator[Finding]:
    from wumai.cli.check_database import findings
    from wumai.store.engine import database_url

    try:
        yield note('database', shown(database_url(config)))
        yield from findings(config, sorted(tables))
        yield _wake_ups(config)
    except WumaiError as error:
        yield failure('database', ' '.join(str(error).split()))


def _wake_ups(config: Config) -> Finding:
    """How workers learn of jobs that other processes create."""
    from wumai.bootstrap import NO_REDIS, port_from
    from wumai.clock import SystemClock

    try:
        port = port_from(config, SystemClock())
        if port is None:
            polling = 'by polling alone: REDIS_HOST not set'
            return (
                hint('wake-ups', NO_REDIS)
                if config.get('REDIS_HOST')
                else note('wake-ups', polling)
            )
        port.send('wumai check')
    except WumaiError as error:
        return failure('wake-ups', str(error))
    except Exception as error:
        return hint('wake-ups', f'by polling alone: {" ".join(str(error).split())}')
    return ok('wake-ups', f'by {port.name}')


def _channels(config: Config) -> Iterator[Finding]:
    from wumai.notify.slack import Slack
    from wumai.notify.sms import Sms

    for kind in (Slack, Sms):
        present = kind.settings(config)
        missing = [name for name, value in present.items() if not value]
        if not missing:
            yield ok(kind.name, 'on')
        elif len(missing) == len(present):
            yield note(kind.name, f'off: {", ".join(missing)} not set')
        else:
            yield hint(kind.name, f'off, since only a part is set: {", ".join(missing)} missing')
    yield from _notify_on(config)


def _notify_on(config: Config) -> Iterator[Finding]:
    from wumai.notify.fanout import Fanout

    try:
        Fanout([], None, notify_on=config.notify_on)  # type: ignore[arg-type]
    except ConfigError as error:
        yield failure('notify_on', str(error))
