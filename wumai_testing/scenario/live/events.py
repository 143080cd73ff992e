"""One timeline that several processes write: a file, to which each event is appended as a line."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from wumai_testing.timeline import Event, Timeline

STANDING_BY, READY, SENDING = 'standing by', 'ready', 'sending'
_SILENT = {STANDING_BY, READY, SENDING}
"""Kinds that processes tell the runner, and nobody else."""


class EventFile(Timeline):
    """Writes to the file; nothing is kept here. Times are those of the machine's one clock that
    only grows.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(time.monotonic_ns, datetime(1970, 1, 1))
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(
        self, kind: str, *, worker: str | None = None, job: str | None = None, **detail: Any
    ) -> None:
        line = json.dumps([self._now(), kind, worker, job, detail], default=_encoded)
        # One write to a file opened for appending: the kernel does not interleave it.
        os.write(self._file, f'{line}\n'.encode())

    def close(self) -> None:
        os.close(self._file)


class EventLog:
    """Reads the file while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._events: list[Event] = []

    def events(self) -> list[Event]:
        """All events until now, by time."""
        with self._path.open('rb') as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b'\n')
        if newline:
            self._offset += len(whole) + 1
            self._events += [_event(line) for line in whole.split(b'\n')]
            # Each process writes in order; those of several may change places.
            self._events.sort(key=lambda event: event.at)
        return self._events

    def timeline(self, began: int, start: datetime) -> Timeline:
        """What happened since `began`, which was `start` on the calendar."""
        moments = _Moments()
        timeline = Timeline(moments.now, start)
        for event in self.events():
            if event.kind not in _SILENT:
                moments.at = max(0, event.at - began)
                timeline.add(event.kind, worker=event.worker, job=event.job, **event.detail)
        return timeline

    def of_kind(self, kind: str) -> Iterator[Event]:
        return (event for event in self.events() if event.kind == kind)


class _Moments:
    """A clock that is set by hand."""

    at = 0

    def now(self) -> int:
        return self.at


def _encoded(value: Any) -> Any:
    return {'time': value.isoformat()} if isinstance(value, datetime) else str(value)


def _decoded(value: dict[str, Any]) -> Any:
    is_time = value.keys() == {'time'} and isinstance(value['time'], str)
    return datetime.fromisoformat(value['time']) if is_time else value


def _event(line: bytes) -> Event:
    at, kind, worker, job, detail = json.loads(line)
    return Event(at, kind, worker, job, {name: _value(value) for name, value in detail.items()})


def _value(value: Any) -> Any:
    return _decoded(value) if isinstance(value, dict) else value
