"""A job as data: its columns, its legal moves, and what a handler may raise.

Knows no SQL, no clock and no Flask. The states and moves are those of docs/jobs.md.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

Status = Literal['pending', 'running', 'finished', 'error']
PENDING: Final = 'pending'
RUNNING: Final = 'running'
FINISHED: Final = 'finished'
ERROR: Final = 'error'

DEFAULT_TRY_PERIOD = 600
DEFAULT_TRY_MAX = 3

LONGEST = 2**31 - 1
"""The largest number that the columns hold; as seconds 68 years."""

CANCELLED = 'cancelled'
WORKER_LOST = 'worker lost'


class GiveUp(Exception):
    """Raised by a handler: the job ends in error with `reason`, whatever tries are left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RunLater(Exception):
    """Raised by a handler: run again after `seconds` (at least 1); this try is not counted."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f'run again in {seconds} s')
        self.seconds = max(1.0, float(seconds))


class Interrupt(BaseException):
    """Raised inside a handler from outside, where it waits. No Exception, so that a handler's
    `except Exception` lets it pass; clean up in `finally` and let it go on.
    """


class TryTimeout(Interrupt):
    """The try has run for exec_timeout seconds."""


class Stopped(Interrupt):
    """The worker is being stopped; the job goes back and its try is not counted."""


class LeaseLost(Interrupt):
    """The job is no longer this worker's: it was rescued by another, or cancelled."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of the table `job` as it is stored; NULL where another program left it out."""

    id: str
    project_id: str | None
    action: str
    status: str
    error: str | None
    result: str | None
    params: str | None
    updated: datetime | None
    created: datetime | None
    run_at: datetime | None
    try_period: int | None
    try_max: int | None
    trys: int | None


# One is made for each try, and a frozen dataclass takes four times as long to make.
class Claim(NamedTuple):
    """A job that a worker has just taken: `trys` counts the try that now begins."""

    id: str
    token: str
    action: str
    project_id: str | None
    params: str | None
    created: datetime | None
    try_period: int
    try_max: int
    trys: int


class Outcome(NamedTuple):
    """What is written about a running job, under its fence: (id, status running, own token)."""

    id: str
    token: str
    status: Status
    error: str | None = None
    result: str | None = None
    run_at: datetime | None = None
    """When it is due again; None leaves the column as it is."""
    uncount: bool = False
    """True for a release: the try is taken off `trys`."""
    trys: int | None = None
    """Which try it is of; tells it from the same outcome of another try, where it is in doubt."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A running row whose lease is over, as a rescuer saw it."""

    id: str
    token: str | None
    updated: datetime | None
    action: str
    try_max: int
    trys: int

    @property
    def worker(self) -> str | None:
        """The worker that its token names, if it is one of ours."""
        return token_worker(self.token)


LONGEST_TOKEN = 132
"""Characters of a token whose worker has the longest name of a host, 64, and number, 7."""


def make_token(worker: str, nonce: str) -> str:
    """The mark of one claim: who holds the job, and a nonce that no other claim has."""
    return json.dumps({'worker': worker, 'nonce': nonce})


def token_worker(token: str | None) -> str | None:
    """The worker's name in a token, None where the text is no token of ours."""
    try:
        value = json.loads(token or '')
    except ValueError:
        return None
    return value.get('worker') if isinstance(value, dict) else None


def whole_number(value: object) -> int | None:
    """A number of a row. None for NULL, and for what is no number: SQLite's columns take it all."""
    if value.__class__ is int:
        return value
    try:
        return int(value)  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError, OverflowError):
        return None


def effective_try_max(try_max: object) -> int:
    """The number of runs a row asks for: NULL is the default, under 1 is 1."""
    number = whole_number(try_max)
    return DEFAULT_TRY_MAX if number is None else max(1, number)


def effective_try_period(try_period: object) -> int:
    """Seconds between tries: NULL is the default, under 0 is 0."""
    number = whole_number(try_period)
    return DEFAULT_TRY_PERIOD if number is None else min(max(0, number), LONGEST)


class BadParams(ValueError):
    """The column `params` holds no JSON object."""


def load_params(text: str | None) -> dict[str, Any]:
    """The params of a row; NULL and '' are {}. Raises BadParams."""
    if not text:
        return {}
    try:
        params = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadParams(f'params are no JSON: {error}') from None
    if not isinstance(params, dict):
        raise BadParams(f'params are no JSON object but a {type(params).__name__}')
    return params
