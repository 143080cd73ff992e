"""What happened in a simulation, and when: as text, as JSON lines, as a page."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any

from wumai_testing.duration import format_duration
from wumai_testing.timeline_folds import Fold, folded
from wumai_testing.timeline_words import describe, printable

_JOB_ID = re.compile(r'(?:\b(\w+) )?\b(job-[0-9A-Za-z]{4,28})\b')


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, `at` nanoseconds after the start."""

    at: int
    kind: str
    worker: str | None
    job: str | None
    detail: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.at / 1e9

    @property
    def time(self) -> str:
        """The time from the start, to the millisecond: `10m`."""
        return format_duration(self.at // 1_000_000 / 1000)

    def __str__(self) -> str:
        words = describe(self.kind, self.detail, str)
        return ' '.join(filter(None, [self.time, self.worker, self.kind, self.job, words]))


class Timeline:
    """Events in the order in which they happened.

    A job has a short name beside its id: its action and its number in order of creation, such
    as `Flaky#2`.
    """

    def __init__(self, now: Callable[[], int], start: datetime) -> None:
        self._now = now
        self.start = start
        self.events: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.names: dict[str, str] = {}
        """The short name of each job, by id, in order of creation."""
        self._by_job: dict[str, list[Event]] = {}
        self._numbers: Counter[str] = Counter()

    def add(
        self, kind: str, *, worker: str | None = None, job: str | None = None, **detail: Any
    ) -> None:
        """Note that something happens now."""
        event = Event(self._now(), kind, worker, job, detail)
        self.events.append(event)
        if job is not None:
            self._by_job.setdefault(job, []).append(event)
            if job not in self.names:
                self.names[job] = self._new_name(detail.get('action'))
        for listener in self.listeners:
            listener(event)

    def _new_name(self, action: object) -> str:
        shown = printable(action, 50) if action else 'job'
        self._numbers[shown] += 1
        return f'{shown}#{self._numbers[shown]}'

    def of(self, job: str, *kinds: str) -> list[Event]:
        """The events of one job, of these kinds or of all."""
        events = self._by_job.get(job, [])
        return [event for event in events if not kinds or event.kind in kinds]

    def name(self, job: str) -> str:
        """The short name of a job; the id itself of one that no event is about."""
        return self.names.get(job, job)

    def since(self, moment: datetime) -> str:
        """A time of the database as an offset from the start: `1h30m`."""
        return format_duration((moment - self.start) / timedelta(seconds=1))

    def words(self, event: Event) -> str:
        """What happened, in one line without its time, worker and job."""
        detail = event.detail
        if event.kind == 'create' and self._is_due(event):
            detail = {**detail, 'run_at': None}
        words = _JOB_ID.sub(self._named, describe(event.kind, detail, self.since))
        if event.kind == 'create' and event.job:
            words = f'{words}  {printable(event.job)}'.lstrip()
        return words

    def _is_due(self, event: Event) -> bool:
        run_at = event.detail.get('run_at')
        return isinstance(run_at, datetime) and run_at <= self.start + timedelta(
            microseconds=event.at // 1000
        )

    def _named(self, found: re.Match[str]) -> str:
        """The short name in place of an id, and of the action that stands before it."""
        name = self.names.get(found[2])
        if name is None:
            return found[0]
        return name if name.rpartition('#')[0] == found[1] else f'{found[1] or ""} {name}'.lstrip()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def text(self, last: int | None = None) -> str:
        """A line an event, in columns; with `last`, the latest so many, and repeats folded."""
        if last is None:
            return '\n'.join(_columns([self._row(event) for event in self.events]))
        return '\n'.join(self._latest(last))

    def _latest(self, last: int) -> list[str]:
        parts = [
            part
            for found in folded([_key(event) for event in self.events])
            for part in ([found] if isinstance(found, Fold) else found)
        ]
        parts = parts[max(0, len(parts) - last) :]
        first = parts[0] if parts else len(self.events)
        skipped = first.start if isinstance(first, Fold) else first
        head = [f'... {skipped} earlier {"event" if skipped == 1 else "events"}'] if skipped else []
        rows = [self._row(self.events[part]) for part in parts if isinstance(part, int)]
        lines = iter(_columns(rows))
        return head + [str(part) if isinstance(part, Fold) else next(lines) for part in parts]

    def _row(self, event: Event) -> Sequence[str]:
        words = self.words(event)
        name = self.name(event.job) if event.job else ''
        return event.time, printable(event.worker or '-'), name, printable(event.kind), words

    def json_lines(self) -> str:
        """A JSON object an event: its keys always in the same order, `detail` by name."""
        return ''.join(json.dumps(self._record(event)) + '\n' for event in self.events)

    def _record(self, event: Event) -> dict[str, Any]:
        return {
            'at': event.at,
            'time': self.moment(event.at),
            'kind': event.kind,
            'worker': event.worker,
            'job': event.job,
            'name': self.names.get(event.job) if event.job else None,
            'detail': {name: plain(event.detail[name]) for name in sorted(event.detail)},
        }

    def moment(self, at: int) -> str:
        """The date and time `at` nanoseconds after the start: ISO 8601, UTC."""
        whole, fraction = divmod(at, 1_000_000_000)
        moment = self.start + timedelta(seconds=whole)
        decimals = f'{moment.microsecond * 1000 + fraction:09d}'.rstrip('0')
        stamp = moment.replace(microsecond=0).isoformat()
        return f'{stamp}.{decimals}Z' if decimals else f'{stamp}Z'

    def save(self, path: str | PathLike[str], title: str | None = None) -> Path:
        """Write the timeline in the format of the suffix: .html, .jsonl or .txt."""
        path = Path(path)
        match path.suffix.lower():
            case '.html' | '.htm':
                from wumai_testing.timeline_page import render  # only who saves pays for it

                text = render(self, title or path.stem)
            case '.jsonl':
                text = self.json_lines()
            case '.txt':
                text = self.text() + '\n'
            case other:
                raise ValueError(
                    f'a timeline is saved as .html, .jsonl or .txt, not as {other or "no suffix"!r}'
                )
        path.write_bytes(text.encode('utf-8', errors='replace'))
        return path


def _key(event: Event) -> tuple[Any, ...]:
    """What is equal where the lines are but for their times."""
    detail = {name: value for name, value in event.detail.items() if name != 'run_at'}
    return event.kind, event.job, event.worker, detail


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines: the first column to the right, the others to the left, the last as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        '  '.join(
            [
                row[0].rjust(widths[0]),
                *(cell.ljust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
                row[-1],
            ]
        ).rstrip()
        for row in rows
    ]


def plain(value: Any) -> Any:
    """`value` as JSON can hold it, the same in every run."""
    match value:
        case None | bool() | int() | str():
            return value
        case datetime():
            return f'{value.isoformat()}Z' if value.tzinfo is None else value.isoformat()
        case date():
            return value.isoformat()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=repr)
        case float() if value == value and abs(value) != float('inf'):
            return value
        case _:
            return str(value)
