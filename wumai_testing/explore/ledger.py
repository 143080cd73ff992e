"""The true history of a run: what was committed, and when handlers began and ended."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wumai.job import (
    ERROR,
    FINISHED,
    PENDING,
    RUNNING,
    WORKER_LOST,
    effective_try_max,
    effective_try_period,
    token_worker,
)
from wumai.store import schema

_from_iso = datetime.fromisoformat
COLUMNS = [column.name for column in schema.job.columns]


@dataclass(frozen=True, slots=True)
class Row:
    """A committed image of a job's row; times are seconds after the start."""

    id: str
    action: str
    status: str
    error: str | None
    result: str | None
    params: str | None
    updated: float | None
    created: float | None
    run_at: float | None
    try_period: int
    try_max: int
    trys: int

    @property
    def owner(self) -> str | None:
        """The process that its token names."""
        return token_worker(self.result) if self.status == RUNNING else None


def read_row(image: Iterable[Any], start: datetime) -> Row:
    """A row as the database holds it."""
    values = dict(zip(COLUMNS, image, strict=True))
    return Row(
        id=values['id'],
        action=values['action'],
        status=values['status'],
        error=values['error'],
        result=values['result'],
        params=values['params'],
        updated=_seconds(values['updated'], start),
        created=_seconds(values['created'], start),
        run_at=_seconds(values['run_at'], start),
        try_period=effective_try_period(values['try_period']),
        try_max=effective_try_max(values['try_max']),
        trys=values['trys'] or 0,
    )


def _seconds(value: Any, start: datetime) -> float | None:
    if value is None:
        return None
    moment = _from_iso(value) if isinstance(value, str) else value
    return (moment - start) / timedelta(seconds=1)


@dataclass(eq=False, slots=True)
class Run:
    """One claim, and what its handler did under it."""

    job: str
    action: str
    process: str
    token: str
    n: int
    claimed_at: float
    began_at: float | None = None
    ended_at: float | None = None
    how: str | None = None
    """'returned', 'raised X' or 'interrupted: X'."""
    result: str | None = None
    """What the handler returned, as JSON."""
    interrupted: Callable[[], bool] = lambda: False
    """Whether its worker has told its handler to stop."""
    asleep_since: float | None = None
    """Since when its handler is in `job.sleep`."""
    host_ended_at: float | None = None
    """When it ended by its own worker's corrected clock."""
    closed_at: float | None = None
    """When the row left its hands."""
    dead: bool = False
    """Its process has ended."""


@dataclass(eq=False, slots=True)
class Failure:
    """A failed try that was committed, and the messages that told of it."""

    job: str
    n: int
    m: int
    gave_up: bool
    process: str
    at: float
    rescued: bool
    error: str = ''
    """Its first line."""
    told: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """One committed change of a job's row."""

    kind: str
    """create, claim, renew, outcome, release, rescue, cancel, retry, unrun, or what is not legal:
    lost, stolen, odd."""
    at: float
    process: str
    before: Row | None
    after: Row | None
    run: Run | None
    """The claim that the row was under."""

    @property
    def job(self) -> str:
        row = self.after or self.before
        assert row is not None
        return row.id


class Ledger:
    """All moves, runs and failures, in order."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.moves: list[Move] = []
        self.runs: list[Run] = []
        self.failures: list[Failure] = []
        self._by_token: dict[tuple[str, str], Run] = {}

    def run_of(self, job: str, token: str | None) -> Run | None:
        return self._by_token.get((job, token)) if token else None

    def latest(self, job: str, process: str, n: int) -> Run | None:
        """The claim under which a handler of `process` runs its try `n`."""
        for run in reversed(self.runs):
            if (run.job, run.process, run.n) == (job, process, n):
                return run
        return None

    def running_in(self, process: str) -> list[Run]:
        """The handlers that run in a process."""
        return [
            run
            for run in self.runs
            if run.process == process
            and run.began_at is not None
            and run.ended_at is None
            and not run.dead
        ]

    def note(self, at: float, process: str, before: Row | None, after: Row | None) -> Move:
        """Take in one committed change of a row."""
        run = self.run_of(before.id, before.result) if before else None
        kind = _kind(process, before, after)
        move = Move(kind, at, process, before, after, run)
        if after is None:
            assert before is not None
            self.rows.pop(before.id, None)
        else:
            self.rows[after.id] = after
        if run is not None and kind != 'renew' and run.closed_at is None:
            run.closed_at = at
        if kind == 'claim' and after is not None and after.result:
            claimed = Run(after.id, after.action, process, after.result, after.trys, at)
            self.runs.append(claimed)
            self._by_token[after.id, after.result] = claimed
        self.moves.append(move)
        self._note_failure(move)
        return move

    def _note_failure(self, move: Move) -> None:
        before, after = move.before, move.after
        if move.kind not in ('outcome', 'rescue') or before is None or after is None:
            return
        if after.status == FINISHED:
            return
        self.failures.append(
            Failure(
                job=move.job,
                n=before.trys,
                m=before.try_max,
                gave_up=after.status == ERROR,
                process=move.process,
                at=move.at,
                rescued=move.kind == 'rescue',
                error=(after.error or '').strip().partition('\n')[0],
            )
        )


APP = 'app'
"""The process that is no worker."""


_KINDS = {
    (PENDING, RUNNING): 'claim',
    (PENDING, ERROR): 'unrun',
    (RUNNING, FINISHED): 'ending',
    (RUNNING, ERROR): 'ending',
    (RUNNING, PENDING): 'ending',
}
_KINDS_OF_THE_APP = {
    (PENDING, ERROR): 'cancel',
    (RUNNING, ERROR): 'cancel',
    (ERROR, PENDING): 'retry',
}


def _kind(process: str, before: Row | None, after: Row | None) -> str:
    """What a change is, judged by the two images and by who committed it."""
    if after is None:
        return 'lost'
    if before is None:
        return 'create'
    if before.status == after.status == RUNNING:
        return 'renew' if before.result == after.result else 'stolen'
    kinds = _KINDS_OF_THE_APP if process == APP else _KINDS
    kind = kinds.get((before.status, after.status), 'odd')
    return _ending(process, before, after) if kind == 'ending' else kind


def _ending(process: str, before: Row, after: Row) -> str:
    if after.status == PENDING and after.trys == before.trys - 1:
        return 'release'
    if before.owner != process and after.error == WORKER_LOST and after.status != FINISHED:
        return 'rescue'
    return 'outcome'
