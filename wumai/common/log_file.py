"""A file of a log, which the processes of a server share and which is rotated at midnight UTC."""

import logging
import os
from pathlib import Path
from typing import Any

from concurrent_log_handler import ConcurrentTimedRotatingFileHandler
from gevent import monkey


class LogFile(ConcurrentTimedRotatingFileHandler):
    """A file that several processes append to.

    The library takes a file lock for each line. We need it only to rotate: until then a line is
    one write to a file opened for appending, which the kernel does not interleave.
    """

    def __init__(self, path: Path, formatter: logging.Formatter) -> None:
        super().__init__(str(path), when='midnight', utc=True, encoding='utf-8')
        self.setFormatter(formatter)
        self.clh._thread_lock = monkey.get_original('_thread', 'RLock')()  # as ours
        self._checked = 0
        path.touch()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        super().createLock()  # which has the lock made anew after a fork
        # A native lock: the heartbeat logs from a native thread, and no greenlet switches here.
        # Not threading.RLock, which is made of gevent's locks once it has patched.
        self.lock = monkey.get_original('_thread', 'RLock')()

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_checked(record.created):
            self._checked = int(record.created)
            super().emit(record)  # looks whether the file was rotated, moved or removed
            return
        try:
            self._append(self.format(record))
        except Exception:
            self.handleError(record)

    def write(self, created: float, line: str) -> bool:
        """Append a line for which there is no record; false if it takes one to do so."""
        self.acquire()
        try:
            if not self._is_checked(created):
                return False
            self._append(line)
        except Exception:
            return False  # and the record that comes tells of it
        finally:
            self.release()
        return True

    def _is_checked(self, created: float) -> bool:
        second, stream = int(created), self.clh.stream
        return stream is not None and second == self._checked and second < self.rolloverAt

    def _append(self, line: str) -> None:
        stream: Any = self.clh.stream
        os.write(stream.fileno(), f'{line}\n'.encode())
