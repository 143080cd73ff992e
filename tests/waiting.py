"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

LIMIT = 60.0
"""Seconds that a test waits for something before it fails."""

T = TypeVar('T')


def until(condition: Callable[[], T], limit: float = LIMIT, what: str = 'it') -> T:
    """Wait until `condition()` is true; its value. Fails after `limit` seconds."""
    deadline = time.perf_counter() + limit
    while not (value := condition()):
        assert time.perf_counter() < deadline, f'{what} did not come true in {limit:g} s'
        time.sleep(0.02)
    return value


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie: whose parent may take its time."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'
