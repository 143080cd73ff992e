"""Huey on Redis, or on SQLite synced at each commit: ten greenlets, results kept."""

import os
import sys
from pathlib import Path

from huey import RedisHuey, SqliteHuey

from tests.benchmarks.peers.records import note

store = os.environ['PEERS_BROKER']
huey = (
    RedisHuey('peers', url=store)
    if store.startswith('redis:')
    else SqliteHuey('peers', filename=store, fsync=True)
)
WORKER = [str(Path(sys.executable).parent / 'huey_consumer'), f'{__name__}.huey']
WORKER += ['-k', 'greenlet', '-w', '10', '-q']


@huey.task()
def noop(number: int) -> None:
    note(number)


def enqueue(number: int) -> None:
    noop(number)
