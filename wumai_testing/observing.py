"""Handlers that note in the timeline when they begin and how they end."""

import functools
from collections.abc import Mapping
from typing import Any

import gevent

from wumai.job import Interrupt
from wumai.worker.actions import Handler
from wumai_testing.timeline import Timeline


def observed(routes: Mapping[str, Handler], timeline: Timeline, worker: str) -> dict[str, Handler]:
    """`routes` with each handler observed."""
    return {action: _observed(handler, timeline, worker) for action, handler in routes.items()}


def _observed(handler: Handler, timeline: Timeline, worker: str) -> Handler:
    @functools.wraps(handler)
    def run(job: Any) -> Any:
        # For the watchdog, which names who runs without yielding.
        gevent.getcurrent().label = f'{job.action} {job.id}'
        timeline.add('begin', worker=worker, job=job.id, n=job.trys, m=job.try_max)
        how = 'returned'
        try:
            return handler(job)
        except BaseException as error:
            name = type(error).__name__
            how = f'interrupted: {name}' if isinstance(error, Interrupt) else f'raised {name}'
            raise
        finally:
            timeline.add('end', worker=worker, job=job.id, n=job.trys, how=how)

    return run
