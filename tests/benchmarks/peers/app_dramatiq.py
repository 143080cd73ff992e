"""Dramatiq on Redis: one process with ten threads, results kept."""

import os
import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from tests.benchmarks.peers.records import note

broker = RedisBroker(url=os.environ['PEERS_BROKER'])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ['PEERS_BROKER'])))
dramatiq.set_broker(broker)
WORKER = [sys.executable, '-m', 'dramatiq', __name__, '--processes', '1', '--threads', '10']


@dramatiq.actor(store_results=True)
def noop(number: int) -> None:
    note(number)


def enqueue(number: int) -> None:
    noop.send(number)
