"""The jobs of a simulation, with their history."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from wumai.job import JobRow
from wumai.model import Job
from wumai.store.base import JobFilter, Store
from wumai_testing.duration import format_duration, parse_duration
from wumai_testing.timeline import Timeline

_ENDS = ('outcome', 'release', 'rescue', 'dropped')


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a job: how it ended (`running` if it has not), and when, in seconds from the
    start of the simulation. A try that failed is `error`, whether or not others follow.
    """

    status: str
    began: float
    ended: float | None
    worker: str | None

    def __repr__(self) -> str:
        return repr((self.status, format_duration(self.began)))


class Tries(Sequence[Try]):
    """Equal to a list of (status, start) whose starts are compared gap by gap: a try is never
    early, and at most `lateness` seconds late.
    """

    def __init__(self, tries: Sequence[Try], lateness: float) -> None:
        self._tries = list(tries)
        self._lateness = lateness

    def __getitem__(self, index: Any) -> Any:
        return self._tries[index]

    def __len__(self) -> int:
        return len(self._tries)

    def __repr__(self) -> str:
        return repr(self._tries)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tries):
            return self._tries == other._tries
        if not isinstance(other, list | tuple):
            return NotImplemented
        starts = [start for _, start in other]
        return [one.status for one in self] == [status for status, _ in other] and starts_match(
            [one.began for one in self], starts, self._lateness
        )

    __hash__ = None  # type: ignore[assignment]

    def compared(self, wanted: object) -> list[str]:
        """Why they are not equal: for pytest, which would compare one by one."""
        return [
            f'tries {self!r}',
            f'are not {wanted!r}',
            f'starts are compared gap by gap: never early, at most {self._lateness:g} s late',
        ]


def starts_match(found: Sequence[float], wanted: Sequence[Any], lateness: float) -> bool:
    """Whether each start is as far from the one before as is wanted, or up to `lateness` more."""
    if len(found) != len(wanted):
        return False
    offsets = [0.0, *(parse_duration(start) for start in wanted)]
    gaps = [late - early for early, late in pairwise(offsets)]
    found = [0.0, *found]
    found_gaps = [late - early for early, late in pairwise(found)]
    return all(
        -1e-6 <= is_gap - wanted_gap <= lateness + 1e-6
        for is_gap, wanted_gap in zip(found_gaps, gaps, strict=True)
    )


def tries_of(timeline: Timeline, job_id: str) -> list[Try]:
    """The tries of a job, in the order of their claims."""
    tries: list[Try] = []
    for event in timeline.of(job_id, 'claim', *_ENDS):
        if event.kind == 'claim':
            tries.append(Try('running', event.seconds, None, event.worker))
        elif event.kind != 'dropped' and tries and tries[-1].ended is None:
            last = tries[-1]
            status = {'release': 'released', 'rescue': 'error'}.get(event.kind, '')
            if not status:
                status = 'finished' if event.detail['status'] == 'finished' else 'error'
            tries[-1] = Try(status, last.began, event.seconds, last.worker)
    return tries


class SimulatedJob:
    """A job as it is now, and its `tries`."""

    def __init__(self, job: Job, tries: Tries) -> None:
        self._job = job
        self.tries = tries

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def __repr__(self) -> str:
        job = self._job
        return f'<{job.id} {job.action} {job.status} trys={job.trys} tries={self.tries!r}>'


class Jobs(Mapping[str, SimulatedJob]):
    """All jobs by id, in the order in which they were made."""

    def __init__(self, store: Store, timeline: Timeline, lateness: float) -> None:
        self._store = store
        self._timeline = timeline
        self.lateness = lateness

    def row(self, job_id: str) -> JobRow | None:
        """The row as it is stored."""
        return self._store.get_job(job_id)

    def __getitem__(self, job_id: str) -> SimulatedJob:
        row = self.row(job_id)
        if row is None:
            known = ', '.join(islice(self, 20)) or 'none'
            raise KeyError(f'there is no job {job_id!r}; there are {known}')
        return SimulatedJob(
            Job.from_row(row), Tries(tries_of(self._timeline, job_id), self.lateness)
        )

    def __iter__(self) -> Iterator[str]:
        rows = self._store.list_jobs(JobFilter(limit=sys.maxsize))
        return iter([row.id for row in sorted(rows, key=lambda row: str(row.created))])

    def __len__(self) -> int:
        return len(list(iter(self)))


def not_ended(jobs: Sequence[str]) -> str:
    """The sentence that tells of jobs, the first five of them by what is known of each."""
    count = '1 job has' if len(jobs) == 1 else f'{len(jobs)} jobs have'
    return f'{count} not ended: {", ".join(jobs[:5])}'
