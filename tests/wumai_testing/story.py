"""Timelines made by hand, for the tests of what is made of them."""

from datetime import datetime, timedelta
from typing import Any

from wumai_testing.timeline import Timeline

START = datetime(2026, 1, 1)


def job_id(number: int) -> str:
    """An id as wumai makes them."""
    return f'job-{number:028d}'


def after(seconds: float) -> datetime:
    """A time of the database."""
    return START + timedelta(seconds=seconds)


class Story:
    """Tells a timeline: events in any order, each with its second."""

    def __init__(self) -> None:
        self._told: list[tuple[int, int, str, dict[str, Any]]] = []

    def at(self, when: float, kind: str, /, **detail: Any) -> 'Story':
        self._told.append((round(when * 1e9), len(self._told), kind, detail))
        return self

    def tried(
        self,
        begin: float,
        end: float,
        job: str,
        status: str = 'finished',
        *,
        worker: str = 'w1',
        action: str = 'Flaky',
        n: int = 1,
        error: str | None = None,
        due: float | None = None,
        how: str = 'returned',
    ) -> 'Story':
        """A try, from its claim to its outcome."""
        self.at(begin, 'claim', worker=worker, job=job, action=action, n=n, m=3)
        self.at(begin, 'begin', worker=worker, job=job, n=n, m=3)
        self.at(end, 'end', worker=worker, job=job, n=n, how=how)
        run_at = None if due is None else after(due)
        return self.at(
            end, 'outcome', worker=worker, job=job, status=status, error=error, run_at=run_at
        )

    def told(self) -> Timeline:
        """The timeline."""
        now = 0
        timeline = Timeline(lambda: now, START)
        for at, _, kind, detail in sorted(self._told, key=lambda event: event[:2]):
            now = at
            timeline.add(kind, **detail)
        return timeline


def flaky() -> Story:
    """A job that fails twice, ten minutes apart, with an error that would like to be HTML."""
    story, job = Story(), job_id(1)
    story.at(0, 'worker', worker='w1', state='start')
    story.at(0, 'call', action='CreateInstance', ret_code=0)
    story.at(0, 'create', job=job, action='Flaky', run_at=START)
    error = 'ValueError: </script><img src=x onerror=alert(1)>\nTraceback'
    story.tried(0, 5, job, 'pending', error=error, due=605, how='raised ValueError')
    story.at(5, 'notify', channel='slack', text=f'Flaky {job} try 1 of 3 failed')
    story.tried(605, 610, job, 'pending', n=2, error=error, due=1210, how='raised ValueError')
    return story.tried(1210, 1215, job, n=3)


def troubles() -> Story:
    """One of everything that can go wrong."""
    story, jobs = flaky(), [job_id(number) for number in range(2, 7)]
    for job in jobs:
        story.at(1, 'create', job=job, action='Slow', run_at=after(1))
    late = 'timeout: the try ran past exec_timeout (60 s)'
    story.tried(1, 61, jobs[0], 'error', action='Slow', error=late, how='interrupted: TryTimeout')
    story.at(2, 'claim', worker='w2', job=jobs[1], action='Slow', n=1, m=3)
    story.at(2, 'begin', worker='w2', job=jobs[1], n=1, m=3)
    story.at(20, 'crash', worker='w2')
    story.at(80, 'rescue', worker='w1', job=jobs[1], owner='w2#2', status='pending')
    story.tried(80, 90, jobs[1], worker='w1', action='Slow', n=2)
    story.at(30, 'claim', worker='w3', job=jobs[2], action='Slow', n=1, m=3)
    story.at(30, 'begin', worker='w3', job=jobs[2], n=1, m=3)
    story.at(31, 'stall', worker='w3', seconds=120)
    story.at(95, 'rescue', worker='w1', job=jobs[2], owner='w3#3', status='pending')
    story.at(152, 'end', worker='w3', job=jobs[2], n=1, how='returned')
    story.at(152, 'dropped', worker='w3', job=jobs[2], status='finished')
    story.at(100, 'fault', fault='database is down', seconds=25)
    story.at(160, 'claim', worker='w3', job=jobs[3], action='Slow', n=1, m=3)
    story.at(160, 'begin', worker='w3', job=jobs[3], n=1, m=3)
    story.at(165, 'end', worker='w3', job=jobs[3], n=1, how='interrupted: Stopped')
    story.at(165, 'release', worker='w3', job=jobs[3], status='pending')
    story.at(166, 'worker', worker='w3', state='exit', code=0)
    story.at(1212, 'claim', worker='w1', job=jobs[4], action='Slow', n=1, m=3)
    return story.at(1212, 'begin', worker='w1', job=jobs[4], n=1, m=3)


def crowd(tries: int, years: float = 10) -> Story:
    """So many tries, in months of a few seconds each."""
    story = Story()
    for number in range(tries):
        job, begin = job_id(number), number % 120 * years * 31557600 / 120 + number // 120
        story.at(begin, 'create', job=job, action='Monthly')
        story.tried(begin, begin + 0.5, job, action='Monthly', worker=f'w{number % 4 + 1}')
    return story
