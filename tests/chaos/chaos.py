"""The run: jobs arrive, workers and database are disturbed each second, then all is healed."""

import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.chaos.fleet import Fleet, WorkerProcess, now
from tests.chaos.ground import LONG_PART, Ground, ground, rows_of
from tests.chaos.journal import Journal
from tests.chaos.verdict import Verdict, judge
from wumai.clock import SystemClock, floor_second
from wumai.entropy import RandomEntropy
from wumai.job import JobRow
from wumai.store.db_errors import StoreError
from wumai.store.sql import SqlStore

TRY_MAX = 30
"""So that no job runs out of tries because its workers were killed."""

LONG_JOBS = 0.08
"""The part of the jobs whose handler takes as long as a lease."""


@dataclass(frozen=True)
class Plan:
    """What is to happen."""

    database: str = 'mariadb'
    workers: int = 4
    jobs: int = 2000
    seconds: float = 60.0
    seed: int = 1
    lease: float = 6.0
    beat: float = 1.0
    """Seconds between two disturbances of workers."""
    drain: float = 120.0
    """Seconds in which all jobs must end once all is healed."""

    @property
    def options(self) -> dict[str, float]:
        """Those of the workers."""
        return {
            'pick_size': 10,
            'exec_size': 30,  # so that what is rescued begins soon, while it may still overlap
            'exec_timeout': 60,
            'poll_interval': 0.5,
            'lease': self.lease,
            'grace': 3,
        }


@dataclass
class Report:
    """What happened, and what is to be said of it."""

    plan: Plan
    verdict: Verdict
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """From the first job until all had ended."""


class Chaos:
    """One run over one database."""

    def __init__(self, plan: Plan, base: Ground, fleet: Fleet) -> None:
        self._plan = plan
        self._ground = base
        self._fleet = fleet
        self._rng = random.Random(plan.seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._store = SqlStore(base.engine())
        self._slots: dict[int, WorkerProcess] = {}
        self._cuts: list[tuple[int, float, float]] = []
        self.created: list[str] = []
        self.counts: dict[str, int] = {}

    def run(self) -> float:
        """All of it; the seconds until all jobs had ended, or the time for that was over."""
        for slot in range(self._plan.workers):
            self._start(slot)
        began = now()
        self._plan_all()
        while self._agenda:
            due, _, act = heapq.heappop(self._agenda)
            time.sleep(max(0.0, due - now()))
            act()
        self._heal()
        self._drain()
        return now() - began

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (now() + seconds, next(self._number), act))

    def _plan_all(self) -> None:
        plan = self._plan
        batches = max(1, int(plan.seconds * 2))
        for index in range(batches):
            size = plan.jobs * (index + 1) // batches - plan.jobs * index // batches
            self.later(plan.seconds * 0.8 * index / batches, lambda size=size: self._create(size))  # type: ignore[misc]
        moments = int(plan.seconds / plan.beat)
        for index in range(1, moments):
            self.later(plan.beat * index, self._disturb)
            self.later(plan.beat * (index + 0.5), self._trouble)
        self.later(plan.seconds, lambda: None)

    def _create(self, size: int) -> None:
        clock, entropy = SystemClock(), RandomEntropy()
        moment = floor_second(clock.now())
        self._insert(
            [_row(entropy.job_id(clock.now()), moment, self._duration()) for _ in range(size)]
        )

    def _duration(self) -> float:
        """Most are short; some outlive a lease, so that what is taken back too early overlaps."""
        if self._rng.random() < LONG_JOBS:
            return self._plan.lease * self._rng.uniform(0.5, 1.8)
        return self._rng.uniform(0.02, 0.4)

    def _insert(self, rows: list[JobRow]) -> None:
        """All or none; whoever creates a job and is not answered looks, and tries again."""
        if not self._ground.serves():  # to wait here would keep who holds the lock from its thaw
            self.later(0.3, lambda: self._insert(rows))
            return
        try:
            if not self._store.get_job(rows[0].id):
                self._store.insert_jobs(rows)
        except StoreError:
            self.later(0.3, lambda: self._insert(rows))
        else:
            self.created += [row.id for row in rows]

    def _start(self, slot: int) -> None:
        self._slots[slot] = self._fleet.start(self._ground.url(slot), slot)

    def _disturb(self) -> None:
        for slot, worker in self._slots.items():
            if not worker.lives:  # it left by itself, and a process manager starts it again
                self._count(f'left with {worker.wait()}')
                self._start(slot)
        able = [slot for slot, worker in self._slots.items() if not worker.frozen]
        if not able:
            return
        slot = self._rng.choice(able)
        worker = self._slots[slot]
        match self._rng.choice(('killed', 'killed', 'frozen', 'terminated')):
            case 'killed':
                self._count('killed')
                worker.kill()
                self._start(slot)
            case 'frozen':
                self._count('frozen')
                self._freeze(worker)
            case 'terminated':
                self._count('terminated')
                worker.terminate()
                self._start(slot)

    def _freeze(self, worker: WorkerProcess) -> None:
        worker.freeze()
        begin, blocks = now(), not self._ground.serves()
        if blocks:
            self._count('frozen with the lock')

        def thaw() -> None:
            worker.thaw()
            if blocks:  # nobody else could do anything meanwhile
                self._ground.outages.append((begin, now()))

        self.later(self._plan.lease * (2.5 if self._rng.random() < LONG_PART else 0.3), thaw)

    def _trouble(self) -> None:
        # Not always: who is to take the jobs of the dead needs some seconds without trouble.
        if self._rng.random() < 0.5:
            self._ground.trouble(self._rng, self.later, self._cut)

    def _cut(self, slot: int, begin: float, end: float) -> None:
        for worker in self._fleet.workers:
            if worker.slot == slot:
                worker.cut(begin, end)

    def _heal(self) -> None:
        self._ground.heal()
        for slot, worker in self._slots.items():
            if worker.frozen:
                worker.thaw()
            if not worker.lives:
                self._start(slot)

    def _drain(self) -> None:
        deadline = now() + self._plan.drain
        while now() < deadline:
            try:
                rows = rows_of(self._ground.engine(), 'id, status')
            except DBAPIError:
                rows = []
            if rows and not any(row.status in ('pending', 'running') for row in rows):
                return
            time.sleep(0.1)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _row(job_id: str, moment: object, seconds: float) -> JobRow:
    return JobRow(
        id=job_id, project_id=None, action='Step', status='pending', error=None, result=None,
        params=f'{{"seconds": {seconds:.3f}}}', updated=moment, created=moment, run_at=moment,  # type: ignore[arg-type]
        try_period=0, try_max=TRY_MAX, trys=0,
    )  # fmt: skip


def run(plan: Plan, folder: Path) -> Report:
    """Set everything up, run, stop all workers, and judge."""
    with (
        ground(plan.database, folder, plan.workers, plan.lease) as base,
        Fleet(folder, plan.options) as fleet,
    ):
        chaos = Chaos(plan, base, fleet)
        seconds = chaos.run()
        codes = fleet.stop()
        verdict = _judged(chaos.created, base.engine(), fleet, plan.lease, base.outages)
        counts = chaos.counts | base.counts
        if any(codes):
            counts['unclean stops'] = sum(1 for code in codes if code)
        return Report(plan, verdict, counts, seconds)


def _judged(
    created: list[str],
    engine: Engine,
    fleet: Fleet,
    lease: float,
    outages: list[tuple[float, float]],
) -> Verdict:
    runs = Journal(fleet.folder).runs()
    return judge(created, rows_of(engine), runs, fleet.by_pid(), lease, outages)


def table(report: Report) -> str:
    """The report as text."""
    plan, verdict = report.plan, report.verdict
    head = ('database', 'workers', 'jobs', 'runs', 'finished', 'lost', 'failed', 'double',
            'stuck', 'over try_max', 'misled', 'excused', 'seconds')  # fmt: skip
    cells = (
        plan.database, plan.workers, verdict.jobs, verdict.runs, verdict.finished,
        len(verdict.lost), len(verdict.failed), len(verdict.double), len(verdict.stuck),
        len(verdict.over), len(verdict.misled), verdict.excused, f'{report.seconds:.0f}',
    )  # fmt: skip
    widths = [max(len(name), len(str(cell))) for name, cell in zip(head, cells, strict=True)]
    lines = ['  '.join(str(one).rjust(width) for one, width in zip(row, widths, strict=True))
             for row in (head, cells)]  # fmt: skip
    done = ', '.join(f'{what} {number}' for what, number in sorted(report.counts.items()))
    return '\n'.join([*lines, f'disturbed: {done} (seed {plan.seed})'])
