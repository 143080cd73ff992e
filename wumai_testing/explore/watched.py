"""What a worker and its handlers do, as the explorer watches it from outside."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from wumai.job import Expired
from wumai.store.base import Store
from wumai.worker.running import RunningJob
from wumai_testing.explore.ledger import Run


class WatchedStore:
    """A store that says when its worker looks after lost jobs, which is a good time for a fault."""

    def __init__(self, store: Store, reach: Callable[[str], None]) -> None:
        self._store = store
        self._reach = reach

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        rows = self._store.expired(before, limit)
        if rows:
            self._reach('suspect')
        return rows

    def rescue(self, *args: Any) -> bool:
        self._reach('rescue')
        return self._store.rescue(*args)


class Sleepers(Protocol):
    """Who is told of handlers that sleep."""

    def sleeps(self, run: Run) -> None: ...


class WatchedJob(RunningJob):
    """A handler's job that tells when its handler sleeps."""

    __slots__ = ('_run', '_sleepers')

    def __init__(self, job: RunningJob, run: Run, sleepers: Sleepers) -> None:
        for name in RunningJob.__slots__:
            setattr(self, name, getattr(job, name))
        self._run = run
        self._sleepers = sleepers

    def sleep(self, seconds: float) -> None:
        self._sleepers.sleeps(self._run)
        try:
            super().sleep(seconds)
        finally:
            self._run.asleep_since = None
