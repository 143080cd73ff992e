"""RQ: a pool of ten workers, each of which forks for each job; results kept."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from rq import Queue

from tests.benchmarks.peers.records import note

queue = Queue('peers', connection=Redis.from_url(os.environ['PEERS_BROKER']))
JOBS = 600
WORKER = [str(Path(sys.executable).parent / 'rq'), 'worker-pool', 'peers', '-n', '10']
WORKER += ['--url', os.environ['PEERS_BROKER'], '--logging-level', 'WARNING']


def enqueue(number: int) -> None:
    queue.enqueue(note, number)


def enqueue_many(numbers: Sequence[int]) -> None:
    queue.enqueue_many([Queue.prepare_data(note, (number,)) for number in numbers])
