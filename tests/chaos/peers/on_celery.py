"""Celery on Redis, with what its documents name for tasks that must not be lost."""

import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from celery import Celery

from tests.chaos.peers.base import work
from tests.chaos.peers.redis_server import RedisServer

BROKER = 'CHAOS_BROKER'
VISIBILITY = 15
"""Seconds: more than the longest job takes, or each longer one would be run again beside itself."""

app = Celery('chaos', broker=os.environ.get(BROKER))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={'visibility_timeout': VISIBILITY},
    visibility_timeout=VISIBILITY,
)


celery_work = app.task(work, name='work')


class CeleryPeer:
    name = 'celery'
    settings = f'acks_late, reject_on_worker_lost, visibility_timeout {VISIBILITY} s, prefetch 1'
    places = 4

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer(folder)
        os.environ[BROKER] = self._server.url
        app.conf.broker_url = self._server.url

    def command(self) -> Sequence[str]:
        return ['-m', 'celery', '-A', __name__, 'worker', '-c', str(self.places), '-l', 'WARNING']

    def submit(self, jobs: Sequence[tuple[str, float]]) -> None:
        for job, seconds in jobs:
            celery_work.apply_async((job, seconds), task_id=job)

    def kept(self, ids: Collection[str]) -> set[str]:
        waiting = self._server.client.lrange('celery', 0, -1)
        unacked = self._server.client.hvals('unacked')
        held = [json.loads(text) for text in waiting] + [json.loads(text)[0] for text in unacked]
        return {message['headers']['id'] for message in held} & set(ids)

    def kill_server(self) -> None:
        self._server.kill()

    def start_server(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.kill()
