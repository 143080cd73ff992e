"""What the demo writes: a line for each thing that happens, and a table at the end."""

import json
import re
import textwrap
import threading
from collections.abc import Sequence
from typing import Any

import click

from wumai.cli.text import COLOURS, coloured, cut, line_width, table
from wumai.clock import Clock

_HEAD = ('job', 'action', 'for', 'status', 'tries', 'what happened')
_STATUS = _HEAD.index('status')
_INDENT = 18
"""Columns before the text of a line."""
_ID = re.compile(r'\b(job|i)-\w{6,}(\w{4})\b')


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
        self._line('request', (f'{action} {_compact(params)}', None))
        if status == 200:
            self._line('answer', ('200', 'green'), (f' {_compact(body)}', None))
        else:
            told = f'{status} retCode {body.get("retCode")}: {body.get("message")}'
            self._line('answer', (told, 'red'))

    def notice(self, line: str) -> None:
        """A line of the worker: a notice that its channel prints."""
        kind, _, text = line.partition(': ')
        if kind == 'notice':
            self.notices.append(text)
            first, *others = _wrapped(_short(text))
            self._line('notice', (first, 'magenta'))
            for other in others:
                click.echo(' ' * _INDENT + click.style(other, fg='magenta'))

    def job(self, job: dict[str, Any]) -> None:
        """A job as the api describes it; told where it has changed."""
        state = job['status'], job['trys']
        if self._seen.get(job['id']) != state:
            self._seen[job['id']] = state
            name, status = f'{job["action"]} {job["name"]}', job['status']
            self._line(
                'job',
                (f'{name:<21} ', None),
                (f'{status:<9}', COLOURS.get(status)),
                (_told(job), None),
            )

    def summary(self, rows: Sequence[tuple[dict[str, Any], str]], refused: str) -> None:
        """The table, a line for each job and one for the call that was refused."""
        cells = [_HEAD, *(_cells(job, told) for job, told in rows)]
        cells.append(('-', 'ResizeInstance', '-', '-', '-', refused))
        head, *lines = table(cells, len(_HEAD) - 1, None)
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
        click.echo(f'  wumai jobs list --database {database}\n')

    def _line(self, kind: str, *parts: tuple[str, str | None]) -> None:
        """Texts with their colours, as far as they fit the terminal."""
        began = f'{self.seconds():5.1f} s  '
        shown = [began, click.style(f'{kind:<9}', dim=True)]
        room = (line_width() or 1_000_000) - _INDENT
        for text, colour in parts:
            fitting = cut(_short(text), room)
            room -= len(fitting)
            shown.append(click.style(fitting, fg=colour))
        with self._lock:
            click.echo(''.join(shown))


def _told(job: dict[str, Any]) -> str:
    tries = f'try {job["trys"]} of {job["tryMax"]}'
    match job['status']:
        case 'finished':
            return f'{tries}: {_compact(job["result"])}'
        case 'pending' if job['trys']:
            return f'{tries} failed, due {_clock_time(job)}'
        case 'pending':
            return f'due {_clock_time(job)}'
        case 'error':
            return f'{tries} failed, gave up'
    return tries


def _clock_time(job: dict[str, Any]) -> str:
    return str(job['runAt'])[11:19]


def _cells(job: dict[str, Any], told: str) -> tuple[str, ...]:
    tries = f'{job["trys"]}/{job["tryMax"]}'
    return _short(job['id']), job['action'], job['name'], job['status'], tries, told


def _short(text: str) -> str:
    """`text` with the ends of its ids, which tell them apart."""
    return _ID.sub(r'\1-..\2', text)


def _wrapped(text: str) -> list[str]:
    width = line_width()
    return textwrap.wrap(text, max(20, width - _INDENT)) if width else [text]


def _compact(value: Any) -> str:
    return json.dumps(value)
