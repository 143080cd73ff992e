"""Waiting for what other processes do."""

import time
from collections.abc import Callable
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
