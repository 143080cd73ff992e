"""The app whose workers are disturbed: `wumai worker tests.chaos.app:make()`."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent

from tests.chaos.journal import DONE, Journal
from wumai.config import CONF
from wumai.server import Worker, create_worker

FOLDER = 'CHAOS_FOLDER'
OPTIONS = 'CHAOS_OPTIONS'

_journal = Journal(os.environ.get(FOLDER, ''))


@contextmanager
def _journalled(job: Any) -> Iterator[None]:
    run = uuid.uuid4().hex[:8]
    _journal.append(job=job.id, number=job.trys, run=run, what='begin')
    how = DONE
    try:
        yield
    except BaseException as error:
        how = type(error).__name__
        raise
    finally:
        held = job.holds_lease()
        _journal.append(job=job.id, number=job.trys, run=run, what='end', how=how, held=held)


def step(job: Any) -> dict[str, Any]:
    """Wait for `seconds`, as work that lets others run does."""
    with _journalled(job):
        job.sleep(job.params.get('seconds', 0.1))
    return {'pid': os.getpid(), 'number': job.trys}


def stubborn(job: Any) -> dict[str, Any]:
    """As `step`, but whatever is raised inside, it goes on to its end."""
    until = time.perf_counter() + job.params['seconds']
    with _journalled(job):
        while (left := until - time.perf_counter()) > 0:
            try:
                gevent.sleep(left)
            except BaseException:
                continue
    return {'pid': os.getpid(), 'number': job.trys}


def die(job: Any) -> None:
    """End the process as a crash of the interpreter would."""
    with _journalled(job):
        if job.params.get('how') == 'exit':
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)


def spin(job: Any) -> dict[str, Any]:
    """Hold the hub for `seconds` in the first try; later ones end at once."""
    with _journalled(job):
        until = time.perf_counter() + job.params['seconds'] if job.trys == 1 else 0.0
        while time.perf_counter() < until:
            pass
    return {'pid': os.getpid(), 'number': job.trys}


def nothing(_job: Any) -> None:
    """To see what everything else costs."""


def began(_job: Any) -> dict[str, float]:
    """To see when: seconds of a clock that all processes of this host share."""
    return {'at': time.monotonic()}


def echo(job: Any) -> dict[str, Any]:
    """The same, with a result of its own."""
    return job.params  # type: ignore[no-any-return]


ACTIONS: dict[str, Callable[[Any], Any]] = {
    'Nothing': nothing,
    'Began': began,
    'Echo': echo,
    'Step': step,
    'Stubborn': stubborn,
    'Die': die,
    'Spin': spin,
}


def make() -> Worker:
    """The worker, with the options that the environment gives."""
    folder = os.environ[FOLDER]
    CONF.apply(app_root=folder, log_dir=os.path.join(folder, f'log-{os.getpid()}'))
    return create_worker(**json.loads(os.environ[OPTIONS])).route(ACTIONS)
