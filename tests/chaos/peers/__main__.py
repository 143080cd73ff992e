"""Run peers one after the other; print what became of their jobs."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from importlib import import_module
from itertools import combinations
from pathlib import Path

from tests.chaos.app import FOLDER
from tests.chaos.fleet import ROOT, now
from tests.chaos.journal import DONE, Journal, Run
from tests.chaos.peers.base import WORKER, Peer

PEERS = {'celery': 'CeleryPeer', 'rq': 'RqPeer', 'wumai': 'WumaiPeer'}
HEAD = ('queue', 'places', 'jobs', 'runs', 'done', 'lost', 'left behind', 'done twice',
        'beside itself', 'seconds', 'settings')  # fmt: skip
DRAIN = 120.0
"""Seconds after the chaos in which all jobs should end."""
QUIET = 15.0
"""Seconds that workers are given to end at the last."""


class Workers:
    """Process groups, so that a kill takes a worker's children too, as the end of a host does."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self._peer = peer
        self._folder = folder
        self._ended: list[float | None] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> int:
        number = len(self.processes)
        with (self._folder / f'worker-{number}.txt').open('wb') as output:
            process = subprocess.Popen(
                [sys.executable, *self._peer.command()],
                cwd=ROOT,
                env={**os.environ, WORKER: str(number), 'PYTHONPATH': str(ROOT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        self._ended.append(None)
        return number

    def kill(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.processes[number].pid, signal.SIGKILL)
        self.processes[number].wait()
        self._ended[number] = self._ended[number] or now()

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        deadline = now() + QUIET
        for number, process in enumerate(self.processes):
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - now()))
            self.kill(number)

    def end_of(self, run: Run) -> float:
        """When the handler ended, or its process did."""
        return run.end or self._ended[run.number] or float('inf')


def disturb(peer: Peer, workers: Workers, plan: argparse.Namespace) -> dict[str, float]:
    """All of it: jobs arrive while each second one worker is killed or terminated, and now and
    then the server. Returns the jobs, with the seconds that each takes.
    """
    rng = random.Random(plan.seed)
    slots = [workers.start() for _ in range(plan.workers)]
    jobs: dict[str, float] = {}
    back, began = 0.0, now()
    for second in range(plan.seconds):
        if back and now() >= back:
            peer.start_server()
            back = 0.0
        if not back:
            due = min(plan.jobs, int(plan.jobs * (second + 1) / (plan.seconds * 0.8)))
            batch = [(uuid.uuid4().hex[:32], _duration(rng)) for _ in range(due - len(jobs))]
            peer.submit(batch)
            jobs.update(batch)
            if rng.random() < 0.2:
                peer.kill_server()
                back = now() + rng.uniform(0.5, 2.0)
        slot = rng.randrange(plan.workers)
        if rng.random() < 0.7:
            workers.kill(slots[slot])
        else:
            workers.processes[slots[slot]].terminate()
        slots[slot] = workers.start()
        time.sleep(max(0.0, began + second + 1 - now()))
    if back:
        peer.start_server()
    return jobs


def _duration(rng: random.Random) -> float:
    return round(rng.uniform(3, 10) if rng.random() < 0.08 else rng.uniform(0.02, 0.4), 3)


def report(
    runs: list[Run], jobs: dict[str, float], kept: set[str], end: Callable[[Run], float]
) -> list[int]:
    """Runs, jobs done, lost, left behind, done more than once, and run beside themselves."""
    by_job: dict[str, list[Run]] = {job: [] for job in jobs}
    for run in runs:
        by_job[run.job].append(run)
    done = {job: sum(run.how == DONE for run in ran) for job, ran in by_job.items()}
    undone = {job for job, count in done.items() if not count}
    beside = [
        job
        for job, ran in by_job.items()
        if any(end(before) > after.begin for before, after in combinations(ran, 2))
    ]
    return [
        len(runs), len(jobs) - len(undone), len(undone - kept), len(undone & kept),
        sum(count > 1 for count in done.values()), len(beside),
    ]  # fmt: skip


def measure(name: str, plan: argparse.Namespace, folder: Path) -> list[object]:
    """One row of the table."""
    os.environ[FOLDER] = str(folder)
    module = import_module(f'tests.chaos.peers.on_{name}')
    with closing(getattr(module, PEERS[name])(folder)) as peer:
        with closing(Workers(peer, folder)) as workers:
            began = now()
            jobs = disturb(peer, workers, plan)
            journal, deadline = Journal(folder), now() + DRAIN
            while now() < deadline:
                finished = {run.job for run in journal.runs() if run.how == DONE}
                if len(finished) == len(jobs):
                    break
                time.sleep(1)
            seconds = now() - began
            kept = peer.kept(jobs)
        figures = report(journal.runs(), jobs, kept, workers.end_of)
        return [name, peer.places, len(jobs), *figures, f'{seconds:.0f}', peer.settings]


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos.peers', description=__doc__)
    parser.add_argument('peers', nargs='+', choices=PEERS)
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--jobs', type=int, default=400)
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--seed', type=int, default=1)
    plan = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all processes are ended
    print('|', ' | '.join(HEAD), '|')
    print('| --- ' * len(HEAD) + '|')
    for name in plan.peers:
        with tempfile.TemporaryDirectory(prefix='wumai-peers-') as scratch:
            row = measure(name, plan, Path(scratch))
        print('|', ' | '.join(map(str, row)), '|', flush=True)


if __name__ == '__main__':
    main()
