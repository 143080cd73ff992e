"""Rows of `job` in and out: what the driver reads, made into claims, since other programs may have
put in anything; and outcomes, in groups that one statement writes and beside the rows they left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, get_args

from wumai.job import (
    PENDING,
    RUNNING,
    Claim,
    JobRow,
    Outcome,
    Status,
    effective_try_max,
    effective_try_period,
    whole_number,
)
from wumai.store import schema
from wumai.store.base import Claimed
from wumai.store.prepared import stamp
from wumai.store.schema import parse_time

_STATUSES = frozenset(get_args(Status))


class Pending(NamedTuple):
    """The columns of a claim."""

    id: str
    action: Any
    project_id: Any
    params: Any
    created: Any
    run_at: Any
    try_period: Any
    try_max: Any
    trys: Any


def sort_out(rows: Iterable[Sequence[Any]], token: str, now: datetime) -> Claimed:
    """Pending rows, locked: those to claim, and those that can never run."""
    claimed = Claimed([], [])
    for row in map(Pending._make, rows):
        run_at, claim = time_of(row.run_at), to_claim(row, token, whole_number(row.trys) or 0)
        if reason := _unrunnable(row, run_at, claim):
            claimed.ended.append((row.id, reason))
        elif run_at is None or run_at <= now:  # as text it may compare as another time
            claimed.claims.append(claim)
    return claimed


def time_of(value: Any) -> Any:
    """A time as the driver returns it."""
    return value if value is None or value.__class__ is datetime else parse_time(value)


def _unrunnable(row: Pending, run_at: Any, claim: Claim) -> str | None:
    """Why this pending row can never run, or None."""
    if not (row.try_period.__class__ is row.try_max.__class__ is row.trys.__class__ is int):
        for name in ('try_period', 'try_max', 'trys'):
            value = getattr(row, name)
            if value is not None and whole_number(value) is None:
                return f'{name} is no whole number: {value!r:.100}'
    if run_at is not None and not isinstance(run_at, datetime):
        return no_time(run_at)
    if claim.trys > claim.try_max:
        return f'no try is left: {claim.trys - 1} of {claim.try_max} used'
    return None


def no_time(run_at: Any) -> str:
    return f'run_at is no time: {run_at!r:.100}'


def to_claim(row: Pending, token: str, trys: int) -> Claim:
    """The claim of a row of which `trys` tries had begun before it."""
    job_id, action, project_id, params, created, _, try_period, try_max, _ = row
    created = time_of(created)
    return Claim(
        job_id,
        token,
        text_of(action) or '',
        text_of(project_id),
        params,
        created if isinstance(created, datetime) else None,
        effective_try_period(try_period),
        effective_try_max(try_max),
        trys + 1,
    )


def text_of(value: Any) -> str | None:
    if value is None or value.__class__ is str:
        return value
    # SQLite keeps whatever was put into a text column, bytes too.
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)


def row_of(values: Sequence[Any]) -> JobRow:
    """A row of the table, from its columns in the order of JobRow."""
    row = JobRow(*values)
    if row.status in _STATUSES and (row.result is None or row.result.__class__ is str):
        return row
    return replace(row, status=_status_of(row.status), result=text_of(row.result))


def _status_of(value: Any) -> Any:
    """A status as it was written: an ENUM may be in capitals, a CHAR has blanks at its end. One
    that is not ours stays as it is.
    """
    ours = (text_of(value) or '').strip().lower()
    return ours if ours in _STATUSES else value


def values_of(row: JobRow) -> dict[str, Any]:
    # asdict() would copy each value deeply.
    return {name: getattr(row, name) for name in JobRow.__slots__}


NAMES = [column.name for column in schema.job.columns]
_read_row = attrgetter(*NAMES)
_TIMES = [NAMES.index(name) for name in ('updated', 'created', 'run_at')]


def inserted(row: JobRow, dialect: str) -> tuple[Any, ...]:
    values = list(_read_row(row))
    for place in _TIMES:
        values[place] = stamp(dialect, values[place])
    return tuple(values)


def alike(outcomes: Iterable[Outcome], most: int) -> list[list[Outcome]]:
    """Outcomes in groups that one statement can write, in the order of ids within each; with
    at most so many bytes of results, since they share a packet to the server.
    """
    groups: list[list[Outcome]] = []
    open_groups: dict[object, tuple[list[Outcome], int]] = {}
    for one in sorted(outcomes, key=_id):
        alike = (one.token, one.status, one.error, one.run_at, one.uncount)
        group, size = open_groups.get(alike, ([], 0))
        if not group or size + len(one.result or '') > most:
            group, size = [], 0
            groups.append(group)
        group.append(one)
        open_groups[alike] = group, size + len(one.result or '')
    return groups


def _id(outcome: Outcome) -> str:
    return outcome.id


def holds(row: Any, token: str) -> bool:
    return bool(_status_of(row.status) == RUNNING and text_of(row.result) == token)


def shows(row: Any, outcome: Outcome) -> bool:
    """Whether the row looks as `outcome` left it; a later claim keeps the error text."""
    same = row.error == outcome.error and outcome.run_at in (None, row.run_at)
    if _status_of(row.status) == outcome.status:
        counted = None if outcome.trys is None else outcome.trys - outcome.uncount
        return bool(same and text_of(row.result) == outcome.result and counted in (None, row.trys))
    return outcome.status == PENDING and bool(same)
