"""What the demo writes: a line for each thing that happens, and a table at the end."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import click

from wumai.cli.text import coloured, cut, line_width, table
from wumai.clock import Clock

_HEAD = ('job', 'action', 'for', 'status', 'tries', 'what happened')
_STATUS = _HEAD.index('status')
_ID = 10
"""The last characters of an id tell it from the others."""


class View:
    """The terminal, from the servers' output and from what the story tells."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._seen: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()
        self.notices: list[str] = []
        """What the channel was told."""

    def seconds(self) -> float:
        """Since the demo began."""
        return self._clock.monotonic() - self._began

    def head(self, subject: str, text: str) -> None:
        click.echo(f'{click.style(subject.ljust(9), bold=True)} {text}')

    def call(self, action: str, params: dict[str, Any], status: int, body: dict[str, Any]) -> None:
        """A request and its answer."""
        if status == 200:
            answer = click.style(f'{status}', fg='green') + f' {_compact(body)}'
        else:
            told = f'{status} retCode {body.get("retCode")}: {body.get("message")}'
            answer = click.style(told, fg='red')
        self._line('request', f'{action} {_compact(params)} -> {answer}')

    def notice(self, line: str) -> None:
        """A line of the worker: a notice that its channel prints."""
        kind, _, text = line.partition(': ')
        if kind == 'notice':
            self.notices.append(text)
            self._line('notice', click.style(text, fg='magenta'))

    def job(self, job: dict[str, Any]) -> None:
        """A job as the api describes it; told where it has changed."""
        state = job['status'], job['trys']
        if self._seen.get(job['id']) != state:
            self._seen[job['id']] = state
            name = f'{job["action"]} {job["name"]}'
            self._line('job', f'{name:<21} {coloured(job["status"].ljust(8))} {_told(job)}')

    def summary(self, rows: Sequence[tuple[dict[str, Any], str]], refused: str) -> None:
        """The table, a line for each job and one for the call that was refused."""
        cells = [_HEAD, *(_cells(job, told) for job, told in rows)]
        cells.append(('-', 'ResizeInstance', '-', '-', '-', refused))
        head, *lines = table(cells, len(_HEAD) - 1, line_width())
        click.echo('\n' + click.style('  '.join(head).rstrip(), bold=True))
        for line in lines:
            line[_STATUS] = coloured(line[_STATUS].strip(), line[_STATUS])
            click.echo('  '.join(line).rstrip())

    def promised(self) -> None:
        click.echo(
            f'\n{click.style("All went as promised", fg="green")}, in {self.seconds():.1f} s. '
            'The app is in wumai/cli/demo_app.'
        )

    def explain(self, url: str, database: str) -> None:
        """What may be tried while the servers run."""
        create, describe = (
            _compact({'action': 'CreateInstance', 'name': 'my-1'}),
            _compact({'action': 'DescribeInstances'}),
        )
        click.echo('\nThe servers go on until Ctrl-C. In another terminal:')
        click.echo(f"  curl --json '{create}' {url}")
        click.echo(f"  curl --json '{describe}' '{url}/?pretty'")
        click.echo(f'  wumai jobs --database {database} list\n')

    def _line(self, kind: str, text: str) -> None:
        with self._lock:
            click.echo(f'{self.seconds():5.1f} s  {click.style(kind.ljust(8), dim=True)} {text}')


def _told(job: dict[str, Any]) -> str:
    tries = f'try {job["trys"]} of {job["tryMax"]}'
    match job['status']:
        case 'finished':
            return f'{tries}: {_compact(job["result"])}'
        case 'pending' if job['error']:
            return f'{tries} failed: {cut(job["error"], 50)}; due at {_clock_time(job)}'
        case 'pending':
            return f'due at {_clock_time(job)}'
        case 'error':
            return f'{tries} failed: {cut(job["error"], 60)}'
    return tries


def _clock_time(job: dict[str, Any]) -> str:
    return str(job['runAt'])[11:19] + ' UTC'


def _cells(job: dict[str, Any], told: str) -> tuple[str, ...]:
    tries = f'{job["trys"]} of {job["tryMax"]}'
    return '..' + job['id'][-_ID:], job['action'], job['name'], job['status'], tries, told


def _compact(value: Any) -> str:
    return json.dumps(value)
