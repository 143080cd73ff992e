"""Jobs created one after the other: `python -m tests.benchmarks.latency COUNT SECONDS [here]`.

Prints, as JSON, the milliseconds from the return of each `Job.create` to the begin of its handler,
in a worker elsewhere or, with `here`, in one of this process. The pauses are SECONDS on average.
"""

from gevent import monkey

if __name__ == '__main__':
    monkey.patch_all()

import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import gevent

from wumai.config import CONF
from wumai.model import Job

LIMIT = 60.0


def latencies(
    folder: Path, environ: Mapping[str, str], count: int, seconds: float, *here: str
) -> list[float]:
    """Of jobs that a process of its own creates; `environ` says on which database."""
    command = [sys.executable, '-m', __name__, str(count), str(seconds), *here]
    settings = {
        **environ,
        'PYTHONPATH': str(Path(__file__).parents[2]),
        'CHAOS_FOLDER': str(folder),
    }
    done = subprocess.run(command, env=settings, stdout=subprocess.PIPE, check=True, timeout=200)
    return list(json.loads(done.stdout))


def _run(count: int, seconds: float) -> list[float]:
    _began(Job.create('Began'))  # what is made once has been made
    created = {}
    for _ in range(count):
        gevent.sleep(seconds * random.uniform(0.5, 1.5))
        job_id = Job.create('Began')
        created[job_id] = time.monotonic()
    return [(_began(job_id) - at) * 1000 for job_id, at in created.items()]


def _began(job_id: str) -> float:
    deadline = time.monotonic() + LIMIT
    while (job := Job.get(job_id)).status != 'finished':
        assert time.monotonic() < deadline, f'{job_id} is {job.status}'
        gevent.sleep(0.05)
    return float(job.result['at'])


def _start_worker() -> None:
    from tests.chaos.app import ACTIONS
    from wumai.server import create_worker

    worker = create_worker().route(ACTIONS)
    gevent.spawn(worker.start)
    gevent.sleep(1)


if __name__ == '__main__':
    import os

    CONF.apply(app_root='.', log_dir=os.environ['CHAOS_FOLDER'])
    if 'here' in sys.argv:
        _start_worker()
    print(json.dumps(_run(int(sys.argv[1]), float(sys.argv[2]))))
