"""What handlers did: a file to which each run appends its begin and its end."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = 'journal.jsonl'
DONE = 'done'


@dataclass
class Run:
    """One run of a handler. Times are those of the monotonic clock, which processes share."""

    job: str
    number: int
    pid: int
    begin: float
    end: float | None = None
    """None where the process ended before the handler did."""
    how: str = ''
    """`done`, or the name of what ended it."""
    held: bool = True
    """What `job.holds_lease()` said at the end."""


class Journal:
    """Appends lines that are whole whatever becomes of the process: one write each."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._path = Path(folder, NAME)
        self._file: int | None = None

    def append(self, **line: Any) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        line |= {'pid': os.getpid(), 'at': time.perf_counter()}
        os.write(self._file, json.dumps(line).encode() + b'\n')

    def runs(self) -> list[Run]:
        """All runs, in the order in which they began."""
        runs: dict[tuple[str, int, int, str], Run] = {}
        text = self._path.read_text() if self._path.exists() else ''
        for line in map(json.loads, text.splitlines()):
            key = (line['job'], line['number'], line['pid'], line['run'])
            if line['what'] == 'begin':
                runs[key] = Run(line['job'], line['number'], line['pid'], line['at'])
            else:
                run = runs[key]
                run.end, run.how, run.held = line['at'], line['how'], line['held']
        return sorted(runs.values(), key=lambda run: run.begin)
