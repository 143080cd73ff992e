"""Handlers that note in the timeline when they begin, sleep and end."""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import gevent

from wumai.job import Interrupt, RunLater
from wumai.worker.actions import Actions, Handler
from wumai_testing import places
from wumai_testing.timeline import Timeline


def check_handlers(routes: Mapping[str, Handler]) -> None:
    """Raise ConfigError for what a worker refuses, which it does not see in observed handlers."""
    Actions().route(routes)


class PutOffs:
    """The jobs whose handlers put them off by RunLater, and how often."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.worst = ''
        """The job that was put off most often."""
        self.place: str | None = None
        """Where that was raised at last."""

    @property
    def most(self) -> int:
        """How often that was."""
        return self._counts[self.worst]

    def clear(self) -> None:
        """Count from here on."""
        self._counts.clear()

    def note(self, job: str, error: RunLater) -> None:
        self._counts[job] += 1
        if self._counts[job] >= self.most:
            self.worst, self.place = job, places.of_error(error)


def observed(
    routes: Mapping[str, Handler], timeline: Timeline, worker: str, put_offs: PutOffs | None = None
) -> dict[str, Handler]:
    """`routes` with each handler observed."""
    put_offs = put_offs or PutOffs()
    return {
        action: _observed(handler, timeline, worker, put_offs) for action, handler in routes.items()
    }


def _observed(handler: Handler, timeline: Timeline, worker: str, put_offs: PutOffs) -> Handler:
    @functools.wraps(handler)
    def run(job: Any) -> Any:
        # For the watchdog, which names who runs without yielding.
        setattr(gevent.getcurrent(), 'label', f'{job.action} {job.id}')  # noqa: B010 - not typed
        timeline.add('begin', worker=worker, job=job.id, n=job.trys, m=job.try_max)
        how = 'returned'
        try:
            return handler(_ObservedJob(job, timeline, worker))
        except BaseException as error:
            if isinstance(error, RunLater):
                put_offs.note(job.id, error)
            name = type(error).__name__
            how = f'interrupted: {name}' if isinstance(error, Interrupt) else f'raised {name}'
            raise
        finally:
            timeline.add('end', worker=worker, job=job.id, n=job.trys, how=how)

    return run


class _ObservedJob:
    """The job of production, whose sleeps are noted."""

    def __init__(self, job: Any, timeline: Timeline, worker: str) -> None:
        self._job = job
        self._timeline = timeline
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def __repr__(self) -> str:
        return repr(self._job)

    def sleep(self, seconds: float) -> None:
        self._timeline.add('sleep', worker=self._worker, job=self._job.id, seconds=seconds)
        self._job.sleep(seconds)
