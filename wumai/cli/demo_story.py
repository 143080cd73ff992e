"""What the demo asks of its servers, and what it promises of the answers."""

import http.client
import time
from dataclasses import dataclass
from typing import Any

from wumai.cli.demo_client import Client
from wumai.cli.demo_view import View
from wumai.error import WumaiError

LOOK = 0.1
"""Seconds between two looks at the jobs."""
DEADLINE = 30.0
"""Seconds for all jobs to end; they need about five."""
MISSING = 'i-none'


class DemoError(WumaiError):
    """Something did not go as the demo promises."""


@dataclass(frozen=True)
class Promise:
    """How a job ends, and why in words."""

    status: str
    trys: int
    error: str
    told: str


PROMISES = {
    ('CreateInstance', 'web-1'): Promise('finished', 1, '', 'ran at once'),
    ('CreateInstance', 'db-1'): Promise('finished', 2, '', 'failed once, retried, finished'),
    ('CreateInstance', 'gpu-1'): Promise(
        'error', 3, 'NoHostIsFree', 'gave up, the channel was told'
    ),
    ('BackupInstance', 'web-1'): Promise('finished', 1, '', 'waited for its run_at'),
    ('ResizeInstance', 'web-1'): Promise('error', 1, 'timeout', 'timed out and was interrupted'),
}
NOTICES = 5
"""One for each failed try."""

Jobs = list[dict[str, Any]]


class Story:
    """The calls of one client, and what became of them."""

    def __init__(self, client: Client, view: View) -> None:
        self._client = client
        self._view = view
        self._jobs: Jobs = []
        self._refused = ''

    def play(self) -> None:
        """Make the calls, and watch until all jobs have ended. Raises DemoError."""
        web = self._post('CreateInstance', name='web-1')['instanceId']
        self._post('CreateInstance', name='db-1', image='windows')
        self._post('CreateInstance', name='gpu-1', image='cuda')
        self._post_refused('ResizeInstance', 4104, instanceId=MISSING, cores=8)
        self._post('BackupInstance', instanceId=web, inSeconds=3)
        self._watch_until(lambda: self._ended('web-1'))
        self._post('ResizeInstance', instanceId=web, cores=8)
        self._watch_until(lambda: len(self._jobs) == len(PROMISES) and self._all_ended())
        self._watch_until(lambda: len(self._view.notices) >= NOTICES)

    def summarise(self) -> None:
        """The table of what happened. Raises DemoError where it is not what was promised."""
        rows = []
        for job in self._jobs:
            promise = PROMISES[job['action'], job['name']]
            told = promise.told if not _broken(job, promise) else job['error'] or 'see above'
            rows.append((job, told))
        self._view.summary(rows, self._refused)
        problems = [problem for job, _ in rows for problem in self._problems(job)]
        if len(self._view.notices) != NOTICES:
            problems.append(f'{len(self._view.notices)} notices, not {NOTICES}')
        if problems:
            raise DemoError(f'not as promised: {"; ".join(problems)}')
        self._view.promised()

    def watch_on(self) -> None:
        """Show what becomes of further jobs, until the process is interrupted."""
        while True:
            self.look()
            time.sleep(LOOK)

    def _problems(self, job: dict[str, Any]) -> list[str]:
        key = job['action'], job['name']
        broken = _broken(job, PROMISES[key])
        gave_up = any(job['id'] in one and 'gave up' in one for one in self._view.notices)
        if job['status'] == 'error' and not gave_up:
            broken.append('nobody was told that it gave up')
        return [f'{" ".join(key)} {one}' for one in broken]

    def _post(self, action: str, **params: Any) -> dict[str, Any]:
        status, body = self._call(action, **params)
        self._view.call(action, params, status, body)
        if status != 200:
            raise DemoError(f'{action} was answered with HTTP {status}: {body}')
        return body

    def _post_refused(self, action: str, code: int, **params: Any) -> None:
        status, body = self._call(action, **params)
        self._view.call(action, params, status, body)
        if (status, body.get('retCode')) != (404, code):
            raise DemoError(f'{action} was to be refused with {code}, not with {status}: {body}')
        self._refused = f'refused: HTTP {status}, {code}'

    def _call(self, action: str, **params: Any) -> tuple[int, dict[str, Any]]:
        try:
            return self._client.call(action, **params)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DemoError(f'the api does not answer: {type(error).__name__}: {error}') from None

    def look(self) -> None:
        """Take in how the jobs are now, and show what has changed."""
        _, body = self._call('DescribeJobs')
        self._jobs = body['jobs']
        for job in self._jobs:
            self._view.job(job)

    def _watch_until(self, condition: Any) -> None:
        deadline = self._view.seconds() + DEADLINE
        self.look()
        while not condition():
            if self._view.seconds() > deadline:
                raise DemoError(f'after {DEADLINE:g} s: {self._unfinished()}')
            time.sleep(LOOK)
            self.look()

    def _unfinished(self) -> str:
        left = [f'{job["action"]} {job["id"]} is {job["status"]}' for job in self._open()]
        return ', '.join(left) or f'{len(self._view.notices)} notices, not {NOTICES}'

    def _open(self) -> Jobs:
        return [job for job in self._jobs if job['status'] in ('pending', 'running')]

    def _all_ended(self) -> bool:
        return not self._open()

    def _ended(self, name: str) -> bool:
        return any(
            job['name'] == name and job['action'] == 'CreateInstance' and job not in self._open()
            for job in self._jobs
        )


def _broken(job: dict[str, Any], promise: Promise) -> list[str]:
    broken = []
    if job['status'] != promise.status:
        broken.append(f'is {job["status"]}, not {promise.status} ({job["error"]})')
    if job['trys'] != promise.trys:
        broken.append(f'began {job["trys"]} tries, not {promise.trys}')
    if promise.error not in job['error']:
        broken.append(f'ended with {job["error"]!r}')
    return broken
