"""All that is measured of one peer: `python -m tests.benchmarks.peers.drive MODULE`.

Its environment says where its store is; it prints its figures as JSON.
"""

import sys

if sys.argv[1:2] == ['app_wumai']:  # as its own servers run; the others know nothing of gevent
    import gevent.monkey

    gevent.monkey.patch_all()

import importlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.peers import records

JOBS = 3000
"""To drain, a third of them enqueued one by one. A module may want fewer where it is slow."""
LATE, PAUSE = 60, 0.05
"""Jobs whose latency is measured, and the seconds between two of them."""
LIMIT = 120.0


class Peer:
    """A module of this folder, its worker, and what its jobs have noted."""

    def __init__(self, module: str, folder: Path) -> None:
        self.module: Any = importlib.import_module(f'tests.benchmarks.peers.{module}')
        self.folder = folder
        self.path = Path(os.environ[records.PATH])
        self.jobs: int = getattr(self.module, 'JOBS', JOBS)
        self.enqueued = 0

    def numbers(self, count: int) -> range:
        self.enqueued += count
        return range(self.enqueued - count, self.enqueued)

    def enqueue_rate(self) -> float:
        numbers = self.numbers(self.jobs // 3)
        began = time.perf_counter()
        for number in numbers:
            self.module.enqueue(number)
        return len(numbers) / (time.perf_counter() - began)

    def bulk_rate(self) -> float | None:
        """None where it knows no bulk: the jobs are enqueued all the same, to be drained."""
        bulk = getattr(self.module, 'enqueue_many', None)
        numbers = self.numbers(self.jobs - self.jobs // 3)
        began = time.perf_counter()
        if bulk is None:
            for number in numbers:
                self.module.enqueue(number)
            return None
        bulk(numbers)
        return len(numbers) / (time.perf_counter() - began)

    def drain_rate(self) -> float:
        """Jobs a second between the first and the last that began."""
        self.wait()
        begun = sorted(at for _, at in records.read(self.path))
        return (len(begun) - 1) / (begun[-1] - begun[0])

    def latencies(self) -> list[float]:
        """Milliseconds from the call that enqueues to the job's begin, one job at a time."""
        called = {}
        for number in self.numbers(LATE):
            time.sleep(PAUSE)
            called[number] = time.monotonic()
            self.module.enqueue(number)
        self.wait()
        begun = dict(records.read(self.path))
        return sorted((begun[number] - at) * 1000 for number, at in called.items())

    def wait(self) -> None:
        deadline = time.monotonic() + LIMIT
        while records.count(self.path) < self.enqueued:
            assert time.monotonic() < deadline, f'{records.count(self.path)} of {self.enqueued} ran'
            time.sleep(0.02)


def memory(pid: int) -> float:
    """MiB of a process and its children; what they share is counted once."""
    try:
        text = Path(f'/proc/{pid}/smaps_rollup').read_text()
        children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # RQ forks for each job
        return 0.0
    own = next(int(line.split()[1]) for line in text.splitlines() if line.startswith('Pss:')) / 1024
    return own + sum(memory(int(child)) for child in children)


def figures(module: str, folder: Path) -> dict[str, float | None]:
    peer = Peer(module, folder)
    if prepare := getattr(peer.module, 'prepare', None):
        prepare()
    found = {'enqueue': peer.enqueue_rate(), 'bulk': peer.bulk_rate()}
    with (folder / 'worker.txt').open('wb') as output:
        worker = subprocess.Popen(
            peer.module.WORKER, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        found['drain'] = peer.drain_rate()
        found['memory'] = memory(worker.pid)
        late = peer.latencies()
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        if finish := getattr(peer.module, 'finish', None):
            finish()
    return {**found, 'p50': median(late), 'p99': late[len(late) * 99 // 100]}


if __name__ == '__main__':
    print(json.dumps(figures(sys.argv[1], Path(os.environ['PEERS_FOLDER']))))
