"""Celery: late acknowledgement, one message prefetched for each place, results kept."""

import os
import sys

from celery import Celery

from tests.benchmarks.peers.records import note

app = Celery('peers', broker=os.environ['PEERS_BROKER'], backend=os.environ['PEERS_RESULTS'])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    result_persistent=True,
    broker_connection_retry_on_startup=True,
    task_default_queue='wumai_bench',  # a RabbitMQ may have other users
)
JOBS = 600
WORKER = [sys.executable, '-m', 'celery', '-A', f'{__name__}:app', 'worker']
WORKER += ['-P', 'gevent', '-c', '10', '--loglevel', 'WARNING']


@app.task
def noop(number: int) -> None:
    note(number)


def enqueue(number: int) -> None:
    noop.delay(number)


def finish() -> None:
    with app.connection_for_write() as connection:
        app.amqp.queues['wumai_bench'].bind(connection.default_channel).delete()
