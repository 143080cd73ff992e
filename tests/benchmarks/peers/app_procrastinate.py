"""Procrastinate on PostgreSQL: one worker with ten places. It keeps no results."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from procrastinate import App, PsycopgConnector

from tests.benchmarks.peers.records import note

URL = os.environ['PEERS_BROKER']
app = App(connector=PsycopgConnector(conninfo=URL))
WORKER = [str(Path(sys.executable).parent / 'procrastinate'), '--app', f'{__name__}.app']
WORKER += ['worker', '--concurrency', '10']


@app.task
async def noop(number: int) -> None:
    note(number)


def prepare() -> None:
    app.open()
    app.schema_manager.apply_schema()


def enqueue(number: int) -> None:
    noop.defer(number=number)


def enqueue_many(numbers: Sequence[int]) -> None:
    noop.batch_defer(*({'number': number} for number in numbers))
