"""The check: every row and every run, against what section by section the jobs were promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from tests.chaos.fleet import WorkerProcess
from tests.chaos.journal import DONE, Run


@dataclass
class Verdict:
    """What is wrong, as ids of jobs; empty lists are what is hoped for."""

    jobs: int
    runs: int
    finished: int = 0
    lost: list[str] = field(default_factory=list)
    """Created, but not in the table; or finished, but no run of it came to its end."""
    failed: list[str] = field(default_factory=list)
    """Ended in error."""
    stuck: list[str] = field(default_factory=list)
    """Neither finished nor in error at the end."""
    double: list[str] = field(default_factory=list)
    """Overlapped by a run elsewhere while its own worker was well."""
    over: list[str] = field(default_factory=list)
    """More tries than try_max."""
    misled: list[str] = field(default_factory=list)
    """Told at the end of a run by `holds_lease` that it held a job that ran elsewhere."""
    excused: int = 0
    """Overlaps on a worker that was silent for longer than its lease."""

    @property
    def problems(self) -> dict[str, list[str]]:
        names = ('lost', 'failed', 'stuck', 'double', 'over', 'misled')
        return {name: found[:5] for name in names if (found := getattr(self, name))}


def judge(
    created: Iterable[str],
    rows: Iterable[Any],
    runs: Sequence[Run],
    workers: dict[int, WorkerProcess],
    lease: float,
    outages: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """Compare the rows (id, status, trys, try_max) and the journal. `outages` struck everyone."""
    by_id = {row.id: row for row in rows}
    by_job: dict[str, list[Run]] = {}
    for run in runs:
        by_job.setdefault(run.job, []).append(run)
    ids = list(created)
    verdict = Verdict(jobs=len(ids), runs=len(runs))
    for job_id in ids:
        ran = by_job.get(job_id, [])
        _judge_row(verdict, job_id, by_id.get(job_id), ran)
        for before, after in combinations(ran, 2):
            if _end(before, workers) <= after.begin:
                continue
            if _silence(before, after, workers, lease, outages) >= lease:
                verdict.excused += 1
            else:
                verdict.double.append(job_id)
            if before.end is not None and before.held:
                verdict.misled.append(job_id)
    return verdict


def _judge_row(verdict: Verdict, job_id: str, row: Any, ran: list[Run]) -> None:
    if row is None:
        verdict.lost.append(job_id)
        return
    if row.status == 'finished':
        verdict.finished += 1
        if not any(run.how == DONE for run in ran):
            verdict.lost.append(job_id)
    else:
        (verdict.failed if row.status == 'error' else verdict.stuck).append(job_id)
    if row.trys > row.try_max:
        verdict.over.append(job_id)


def _end(run: Run, workers: dict[int, WorkerProcess]) -> float:
    """When the handler ended, or its process did."""
    if run.end is not None:
        return run.end
    worker = workers.get(run.pid)
    return worker.ended if worker and worker.ended is not None else float('inf')


def _silence(
    run: Run,
    after: Run,
    workers: dict[int, WorkerProcess],
    lease: float,
    outages: Sequence[tuple[float, float]],
) -> float:
    """The longest time that the worker of `run` was out of reach before the other began.

    What lies so near together that no heartbeat fits in between is one silence.
    """
    worker = workers.get(run.pid)
    spans = sorted([*outages, *(worker.silent if worker else ())])
    longest, begin, end = 0.0, 0.0, float('-inf')
    for low, high in spans:
        if low > after.begin:
            break
        if high < run.begin:
            continue
        if low > end + lease / 3:
            begin = low
        end = max(end, min(high, after.begin))
        longest = max(longest, end - begin)
    return longest
