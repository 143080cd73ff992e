"""wumai, as its README says: pick_size and exec_size 10."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.peers.records import note
from wumai.config import CONF
from wumai.model import Job

CONF.apply(app_root='.', log_dir=os.environ['PEERS_FOLDER'])
WORKER = [sys.executable, '-m', 'wumai', 'worker', f'{__name__}:make()']


def noop(job: Any) -> None:
    note(job.params['number'])


def make() -> Any:
    from wumai.server import create_worker

    return create_worker(pick_size=10, exec_size=10).route({'Noop': noop})


def enqueue(number: int) -> None:
    Job.create('Noop', params={'number': number})


def enqueue_many(numbers: Sequence[int]) -> None:
    Job.create_many({'action': 'Noop', 'params': {'number': number}} for number in numbers)
