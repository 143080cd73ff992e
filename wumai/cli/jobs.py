"""`wumai jobs`: look at jobs, run failed ones again, cancel others, delete old ones."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from time import sleep
from typing import Any

import click

from wumai.cli.database import opened_with_jobs
from wumai.cli.database import option as database_option
from wumai.cli.group import Failure
from wumai.cli.text import (
    coloured,
    full_time,
    line_width,
    masked_params,
    pretty_json,
    printable,
    short_time,
    table,
)
from wumai.clock import floor_second
from wumai.common.jsonable import jsonable
from wumai.common.secrets import mask, mask_text
from wumai.job import ERROR, FINISHED, RUNNING, JobRow, effective_try_max, token_worker
from wumai.notify.base import clean
from wumai.runtime import Runtime
from wumai.store.base import JobFilter
from wumai.store.db_errors import Busy

_STATUSES = ('pending', 'running', 'finished', 'error')
_HEAD = ('ID', 'STATUS', 'TRIES', 'TIME (UTC)', 'ACTION', 'ERROR')
_ACTION = _HEAD.index('ACTION')


@click.group()
def jobs() -> None:
    """List, show, retry, cancel and prune the jobs of a database.

    \b
    Example:
      wumai jobs list --status error
      wumai jobs retry --database sqlite:////var/lib/app/wumai.db job-...
    """


@jobs.command('list')
@click.option('--status', type=click.Choice(_STATUSES), help='Only jobs in this state.')
@click.option('--action', help='Only jobs of this action.')
@click.option('--project', help='Only jobs of this project_id.')
@click.option('--limit', default=20, show_default=True, type=click.IntRange(1, 100_000))
@click.option('--after', metavar='ID', help='The next page: jobs behind this one in the list.')
@click.option('--oldest', is_flag=True, help='The oldest first; by default the newest.')
@click.option('--json', 'as_json', is_flag=True, help='All columns, as an array of JSON objects.')
@database_option
def list_(
    database: str | None,
    status: str | None,
    action: str | None,
    project: str | None,
    limit: int,
    after: str | None,
    oldest: bool,
    as_json: bool,
) -> None:
    """List jobs, the newest first.

    TIME is when a pending job is due, and when any other was last written.

    \b
    Example:
      wumai jobs list --status error --action CreateInstance
      wumai jobs list --json | jq '.[].params'
    """
    wanted = JobFilter(status, action, project, after, limit, newest_first=not oldest)
    with opened_with_jobs(database) as runtime:
        rows, now = runtime.store.list_jobs(wanted), runtime.clock.now()
    if as_json:
        click.echo(json.dumps([_as_dict(row) for row in rows], indent=2, default=jsonable))
    elif not rows:
        click.echo('no such jobs', err=True)
    else:
        _print_table(rows, now)
        if len(rows) == limit:
            click.echo(f'for more: --after {rows[-1].id}', err=True)


@jobs.command()
@click.argument('ids', metavar='ID...', nargs=-1, required=True)
@database_option
def show(database: str | None, ids: tuple[str, ...]) -> None:
    """Show all columns of jobs; secrets are masked.

    \b
    Example:
      wumai jobs show job-01kb...
    """
    with opened_with_jobs(database) as runtime:
        rows = {job_id: runtime.store.get_job(job_id) for job_id in ids}
    found = [row for row in rows.values() if row]
    click.echo('\n\n'.join(_description(row) for row in found), nl=bool(found))
    _report(f'{job_id}: there is no such job' for job_id, row in rows.items() if not row)


@jobs.command()
@click.argument('ids', metavar='ID...', nargs=-1, required=True)
@database_option
def retry(database: str | None, ids: tuple[str, ...]) -> None:
    """Make jobs in error pending and due now, with all their tries.

    \b
    Example:
      wumai jobs retry job-01kb... job-01kc...
    """

    def move(runtime: Runtime, job_id: str) -> bool:
        return runtime.store.retry(job_id, floor_second(runtime.clock.now()))

    _move(database, ids, move, 'pending, due now', 'only a job in error can be retried')


@jobs.command()
@click.argument('ids', metavar='ID...', nargs=-1, required=True)
@database_option
def cancel(database: str | None, ids: tuple[str, ...]) -> None:
    """End jobs that are pending, or running: their worker stops them at its next heartbeat.

    \b
    Example:
      wumai jobs cancel job-01kb...
    """

    def move(runtime: Runtime, job_id: str) -> bool:
        return runtime.store.cancel(job_id, floor_second(runtime.clock.now()))

    _move(database, ids, move, 'cancelled', 'it has ended already')


_UNITS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    match = re.fullmatch(r'(\d{1,6})([smhd])', value)
    if not match:
        raise click.BadParameter(f'{value!r} is no age such as 30d: a number and s, m, h or d')
    return int(match[1]) * _UNITS[match[2]]


@jobs.command()
@click.option(
    '--older-than', callback=_seconds, required=True, metavar='AGE', help='Such as 12h or 30d.'
)
@click.option(
    '--status',
    'statuses',
    type=click.Choice((FINISHED, ERROR)),
    multiple=True,
    default=(FINISHED,),
    show_default=True,
    help='What to delete; may be given twice.',
)
@click.option('--batch', default=500, show_default=True, type=click.IntRange(1, 10_000))
@database_option
def prune(database: str | None, older_than: float, statuses: tuple[str, ...], batch: int) -> None:
    """Delete jobs that ended long ago, in small batches with pauses, so that workers do not wait.

    It may be ended at any time, and run beside workers and itself.

    \b
    Example:
      wumai jobs prune --older-than 30d
      wumai jobs prune --older-than 90d --status finished --status error
    """
    count, last = 0, ''  # type: int, str | None
    with opened_with_jobs(database) as runtime:
        clock = runtime.clock
        before = floor_second(clock.now()) - timedelta(seconds=older_than)
        while last is not None:
            began = clock.monotonic()
            attempt = partial(runtime.store.prune, statuses, before, last, batch)
            last, deleted = _persistently(attempt)
            count += deleted
            sleep(clock.monotonic() - began)  # half of the time is for others
    click.echo(f'deleted {count} jobs')


def _persistently(attempt: Callable[[], tuple[str | None, int]]) -> tuple[str | None, int]:
    for _ in range(10):
        try:
            return attempt()
        except Busy:
            sleep(0.2)
    return attempt()


def _move(
    database: str | None,
    ids: Iterable[str],
    move: Callable[[Runtime, str], bool],
    done: str,
    refused: str,
) -> None:
    problems = []
    with opened_with_jobs(database) as runtime:
        for job_id in ids:
            if move(runtime, job_id):
                click.echo(f'{job_id}: {done}')
            elif row := runtime.store.get_job(job_id):
                problems.append(f'{job_id}: is {row.status}; {refused}')
            else:
                problems.append(f'{job_id}: there is no such job')
    _report(problems)


def _report(problems: Iterable[str]) -> None:
    """Print the problems, one a line, and leave with exit code 1 if there are any."""
    told = list(problems)
    for problem in told[:-1]:
        Failure(problem).show()
    if told:
        raise Failure(told[-1])


def _print_table(rows: list[JobRow], now: datetime) -> None:
    cells = [_HEAD, *(_cells(row, now) for row in rows)]
    head, *lines = table(cells, _ACTION, line_width())
    click.echo(click.style('  '.join(head).rstrip(), bold=True))
    for row, line in zip(rows, lines, strict=True):
        line[1] = coloured(row.status, line[1])
        click.echo('  '.join(line).rstrip())


def _cells(row: JobRow, now: datetime) -> tuple[str, ...]:
    return (
        clean(row.id),
        clean(row.status),
        f'{row.trys or 0}/{_try_max(row)}',
        short_time(row.run_at if row.status == 'pending' else row.updated, now),
        clean(row.action),
        clean(row.error or '') if row.status != FINISHED else '',
    )


def _try_max(row: JobRow) -> Any:
    try:
        return effective_try_max(row.try_max)
    except TypeError:  # SQLite keeps whatever was put there
        return row.try_max


def _description(row: JobRow) -> str:
    fields = asdict(row)
    times = {name: full_time(fields[name]) for name in ('updated', 'created', 'run_at')}
    result = pretty_json(row.result)
    if row.status == RUNNING:
        result = f'- (held by {token_worker(row.result) or "an unknown worker"})'
    shown = {**fields, **times, 'params': pretty_json(row.params), 'result': result}
    order = [*(name for name in shown if name not in _LONG), *_LONG]
    return '\n'.join(_field(name, shown[name], row.status) for name in order)


_LONG = ('params', 'result', 'error')


def _field(name: str, value: Any, status: str) -> str:
    text = '-' if value is None else printable(str(value))
    if name == 'status' or (name == 'error' and status == ERROR):
        text = coloured(status, text)
    return f'{name + ":":<12}' + text.replace('\n', '\n' + ' ' * 12)


def _as_dict(row: JobRow) -> dict[str, Any]:
    """All columns; JSON ones as what they hold, and a running job's `result` as null."""
    result: Any = None
    if row.result and row.status != RUNNING:
        try:
            result = mask(json.loads(row.result))
        except ValueError:
            result = mask_text(row.result)
    error = None if row.error is None else mask_text(row.error)
    return {**asdict(row), 'params': masked_params(row.params), 'result': result, 'error': error}
