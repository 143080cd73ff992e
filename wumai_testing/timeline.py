"""What happened in a simulation, and when: as text, as JSON lines, as a page."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wumai_testing.duration import format_duration


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

    def __str__(self) -> str:
        where = self.worker or '-'
        words = [
            f'{name}={_shown(value)}' for name, value in self.detail.items() if value is not None
        ]
        return ' '.join(
            [
                f'{format_duration(self.seconds):>12}  {where:<8} {self.kind:<9}',
                self.job or '',
                *words,
            ]
        ).rstrip()


class Timeline:
    """Events in the order in which they happened."""

    def __init__(self, now: Callable[[], int], start: datetime) -> None:
        self._now = now
        self.start = start
        self.events: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []

    def add(
        self, kind: str, *, worker: str | None = None, job: str | None = None, **detail: Any
    ) -> None:
        """Note that something happens now."""
        event = Event(self._now(), kind, worker, job, detail)
        self.events.append(event)
        for listener in self.listeners:
            listener(event)

    def of(self, job: str, *kinds: str) -> list[Event]:
        """The events of one job, of these kinds or of all."""
        return [e for e in self.events if e.job == job and (not kinds or e.kind in kinds)]

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def text(self, last: int | None = None) -> str:
        """A line an event; with `last`, only so many, the latest."""
        events = self.events if last is None else self.events[-last:]
        skipped = len(self.events) - len(events)
        head = [f'... {skipped} earlier events'] if skipped else []
        return '\n'.join(head + [str(event) for event in events])

    def json_lines(self) -> str:
        """A JSON object an event."""
        return ''.join(
            json.dumps(
                {
                    'at': event.at,
                    'kind': event.kind,
                    'worker': event.worker,
                    'job': event.job,
                    **{name: _plain(value) for name, value in event.detail.items()},
                }
            )
            + '\n'
            for event in self.events
        )


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _shown(value: Any) -> str:
    text = str(value)
    return text if ' ' not in text else json.dumps(text)
