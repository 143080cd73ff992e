"""What is asked of a peer, and the job that all run."""

import os
import time
import uuid
from collections.abc import Collection, Sequence
from typing import Protocol

from tests.chaos.app import FOLDER
from tests.chaos.journal import DONE, Journal

WORKER = 'CHAOS_WORKER'
"""In the environment of each worker: its number, which is written beside each run."""
TRIES = 30


class Peer(Protocol):
    """A job queue and the server that keeps its jobs."""

    name: str
    settings: str
    """What was set for durability, as the table is to say it."""
    places: int
    """Jobs that one worker runs at once."""

    def command(self) -> Sequence[str]:
        """The arguments of Python that start a worker."""

    def submit(self, jobs: Sequence[tuple[str, float]]) -> None:
        """Have jobs run: ids, and the seconds that each takes."""

    def kept(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that the queue still knows, as waiting, running or failed."""

    def kill_server(self) -> None:
        """SIGKILL it."""

    def start_server(self) -> None:
        """Start it again, with what it had stored."""

    def close(self) -> None:
        """End the server."""


def work(job: str, seconds: float) -> None:
    """The job: it notes its begin, waits, and notes its end."""
    journal = Journal(os.environ[FOLDER])
    worker, run = int(os.environ[WORKER]), uuid.uuid4().hex[:8]
    journal.append(job=job, number=worker, run=run, what='begin')
    how = DONE
    try:
        time.sleep(seconds)
    except BaseException as error:
        how = type(error).__name__
        raise
    finally:
        journal.append(job=job, number=worker, run=run, what='end', how=how, held=True)
