"""RQ, with retries for jobs whose worker was killed. `python -m tests.chaos.peers.on_rq URL`."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from redis import Redis
from rq import Queue, Retry, Worker
from rq.job import Job

from tests.chaos.peers.base import TRIES, work
from tests.chaos.peers.redis_server import RedisServer

LOOK = 2
"""Seconds between a worker's looks after its own job, and after those of others."""


class RqPeer:
    name = 'rq'
    settings = f'Retry(max={TRIES}), job_monitoring_interval and maintenance_interval {LOOK} s'
    places = 1

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer(folder)
        self._queue = Queue(connection=self._server.client)

    def command(self) -> Sequence[str]:
        return ['-m', __name__, self._server.url]

    def submit(self, jobs: Sequence[tuple[str, float]]) -> None:
        for job, seconds in jobs:
            self._queue.enqueue(work, job, seconds, job_id=job, retry=Retry(max=TRIES))

    def kept(self, ids: Collection[str]) -> set[str]:
        found = Job.fetch_many(list(ids), connection=self._server.client)
        return {job.id for job in found if job is not None}

    def kill_server(self) -> None:
        self._server.kill()

    def start_server(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.kill()


if __name__ == '__main__':
    connection = Redis.from_url(sys.argv[1])
    queue = Queue(connection=connection)
    Worker(
        [queue],
        connection=connection,
        job_monitoring_interval=LOOK,
        maintenance_interval=LOOK,
    ).work(logging_level='WARNING')
