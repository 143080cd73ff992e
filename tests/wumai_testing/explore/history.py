"""A history written by hand, for checkers: what is committed, what runs, and what is wrong."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from wumai.job import ERROR, FINISHED, PENDING, RUNNING, make_token
from wumai_testing.explore.checkers import Broken, Checker
from wumai_testing.explore.faults import Trouble
from wumai_testing.explore.ledger import Ledger, Row, Run
from wumai_testing.explore.plan import Plan, PlannedWorker

OPTIONS = {
    'pick_size': 3, 'exec_size': 3, 'exec_timeout': 5, 'poll_interval': 1, 'lease': 6, 'grace': 1,
}  # fmt: skip


class History:
    """Feeds one checker; `broken` is what it says in the end."""

    def __init__(self, kind: type[Checker], workers: int = 2) -> None:
        names = [f'w{number}' for number in range(1, workers + 1)]
        self.now = 0.0
        self._later: list[tuple[float, Callable[[], None]]] = []
        self.troubles: Any = SimpleNamespace(past=[], steps=[], at=self._at)
        self.clocks = {f'{name}#1': SimpleNamespace(error=0.0, drift=0.0) for name in names}
        planned = tuple(PlannedWorker(name) for name in names)
        self.world: Any = SimpleNamespace(
            ledger=Ledger(),
            plan=Plan(0, planned, (), (), dict(OPTIONS), {}, latency=0.0005, calm_at=60.0),
            clock=SimpleNamespace(monotonic=lambda: self.now),
            timeline=SimpleNamespace(name=str, add=lambda *_, **__: None),
            workers={
                name: SimpleNamespace(name=name, process=f'{name}#1', alive=True) for name in names
            },
            clocks=self.clocks,
            started=dict.fromkeys(self.clocks, 0.0),
            stopping={},
            slowness=1.0,
        )
        self.checker = kind(self.world, self.troubles)

    @property
    def broken(self) -> Broken | None:
        return self.checker.broken

    def _at(self, at: float, look: Callable[[], None]) -> None:
        self._later.append((at, look))

    def passes(self, seconds: float) -> None:
        """Let time pass, and let the checker look where it wanted to."""
        end = self.now + seconds
        while due := [one for one in self._later if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._later.remove(first)
            self.now = first[0]
            first[1]()
        self.now = end

    def trouble(
        self, kind: str, target: str | None = None, seconds: float = 1.0, job: str | None = None
    ) -> None:
        """Something goes wrong now."""
        self.troubles.past.append(Trouble(kind, target, self.now, self.now + seconds, job))

    # What is committed

    def commits(self, process: str, job: str, **columns: Any) -> None:
        """Let `process` change the row of `job`, or make it."""
        ledger = self.world.ledger
        before = ledger.rows.get(job)
        facts = {name: getattr(before, name) for name in Row.__slots__} if before else new(job)
        after = Row(**(facts | columns))
        self.checker.moved(ledger.note(self.now, process, before, after))

    def creates(self, job: str, **columns: Any) -> None:
        self.commits('app', job, **({'run_at': self.now} | columns))

    def claims(self, process: str, job: str) -> Run:
        """Claim `job` and begin its handler."""
        row = self.world.ledger.rows[job]
        token = make_token(process, str(row.trys))
        columns = {'status': RUNNING, 'trys': row.trys + 1, 'result': token, 'updated': self.now}
        self.commits(process, job, **columns)
        run: Run = self.world.ledger.runs[-1]
        self.checker.began(run, process, job, run.n)
        run.began_at = self.now
        return run

    def ends(self, run: Run, how: str = 'returned', result: str | None = None) -> None:
        """Let the handler end."""
        run.ended_at = run.host_ended_at = self.now
        run.how, run.result = how, result
        self.checker.ended(run)

    def fails(self, run: Run, error: str = 'Oops', wait: float = 10.0) -> None:
        """Commit that its try has failed."""
        due = {'status': PENDING, 'error': error, 'result': None, 'run_at': self.now + wait}
        self.commits(run.process, run.job, **due)

    def finishes(self, run: Run) -> None:
        self.commits(run.process, run.job, status=FINISHED, result='null')

    def renews(self, process: str, job: str) -> None:
        self.commits(process, job, updated=self.now)

    def rescues(self, process: str, job: str) -> None:
        row = self.world.ledger.rows[job]
        status = ERROR if row.trys >= row.try_max else PENDING
        changes = {'status': status, 'error': 'worker lost', 'result': None}
        self.commits(process, job, **changes, run_at=self.now)

    def exits(self, process: str, code: int | None) -> None:
        one = self.world.workers[process.partition('#')[0]]
        self.checker.exited(one, code)

    def tells(self, channel: str, text: str) -> None:
        event: Any = SimpleNamespace(kind='notify', detail={'channel': channel, 'text': text})
        self.checker.happened(event)


Story = Callable[[History], None]


def told(kind: type[Checker], story: Story, workers: int = 2) -> str | None:
    """What the checker has to say about a story."""
    history = History(kind, workers)
    history.creates('job')
    story(history)
    return history.broken.message if history.broken else None


def new(job: str) -> dict[str, Any]:
    """A job as it is made."""
    return {
        'id': job, 'action': 'Work', 'status': PENDING, 'error': None, 'result': None,
        'params': '{}', 'updated': 0.0, 'created': 0.0, 'run_at': 0.0,
        'try_period': 10, 'try_max': 3, 'trys': 0,
    }  # fmt: skip
