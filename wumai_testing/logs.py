"""The log lines of a simulation."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wumai.common import local


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, with the context id that it would have in the file."""

    at: datetime
    level: str
    context_id: str
    logger: str
    message: str

    def __str__(self) -> str:
        return f'[{self.level}][{self.at}][{self.context_id}][{self.logger}] {self.message}'


class CapturedLogs(logging.Handler):
    """The lines below the logger `wumai`, in order; a sequence of LogLine."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.lines: list[LogLine] = []

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock of the thread: only greenlets write here, and none waits meanwhile.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.exc_info:
            message += '\n' + logging.Formatter().formatException(record.exc_info)
        context = local.get_context_id()
        self.lines.append(LogLine(self._now(), record.levelname, context, record.name, message))

    def of_context(self, context_id: str) -> list[str]:
        """The lines of one request or try."""
        return [str(line) for line in self.lines if line.context_id == context_id]

    def __getitem__(self, index: Any) -> Any:
        return self.lines[index]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self.lines)
