"""The worker process of test_worker.py: `python worker_app.py FOLDER OPTIONS`, with DB_URL set.

Each run of a handler is a line of FOLDER/runs.
"""

import json
import os
import sys

from wumai.config import CONF
from wumai.server import create_worker


def noted(handler):
    def run(job):
        line = f'{job.id} {job.trys} {os.getpid()}\n'
        with open(os.path.join(sys.argv[1], 'runs'), 'a') as runs:
            runs.write(line)
        return handler(job)

    return run


def fail(job):
    raise ValueError('no')


def swallow(job):
    try:
        job.sleep(60)
    except BaseException:
        return 'swallowed'


def stubborn(job):
    while True:
        try:
            job.sleep(60)
        except BaseException:
            continue


def spin(job):
    while True:
        pass


HANDLERS = {
    'Act': lambda job: {'n': job.params.get('n')},
    'Fail': fail,
    'Swallow': swallow,
    'Slow': lambda job: job.sleep(job.params['s']),
    'Stubborn': stubborn,
    'Spin': spin,
}

if __name__ == '__main__':
    CONF.apply(app_root=sys.argv[1], log_dir=os.path.join(sys.argv[1], 'logs'))
    worker = create_worker(**json.loads(sys.argv[2]))
    worker.route({action: noted(handler) for action, handler in HANDLERS.items()})
    worker.start()
