"""What follows from the end of a try: a value, decided by pure functions and applied elsewhere."""

import traceback
from datetime import datetime
from typing import Any, NamedTuple

from wumai.clock import later
from wumai.common.jsonable import encode
from wumai.job import (
    ERROR,
    FINISHED,
    PENDING,
    BadParams,
    Claim,
    GiveUp,
    LeaseLost,
    Outcome,
    RunLater,
    Stopped,
    TryTimeout,
)


class BadResult(ValueError):
    """The handler's result cannot be stored as JSON."""


class Ending(NamedTuple):
    """How a try ended: with the text of a result, or with what was raised."""

    result: str | None = None
    raised: BaseException | None = None


def dump_result(value: Any) -> str:
    """A handler's result as ASCII JSON, which any column can hold. Raises BadResult."""
    try:
        return encode(value)
    except Exception as error:  # an app's own mapping may raise whatever it likes
        raise BadResult(f'the result cannot be stored: {_message(error)}') from None


def finished(claim: Claim, result: str | None) -> Outcome:
    """The outcome of a try that has returned."""
    return Outcome(claim.id, claim.token, FINISHED, result=result, trys=claim.trys)


def decide(claim: Claim, raised: BaseException, now: datetime) -> Outcome | None:
    """The outcome of a try that raised at `now`; None where the job is no longer ours."""
    match raised:
        case LeaseLost():
            return None
        case Stopped():
            return release(claim)
        case RunLater(seconds=seconds):
            return release(claim, later(now, seconds))
        case GiveUp() | BadParams() | BadResult() as final:
            error = _message(final) or _name(final)
            return Outcome(claim.id, claim.token, ERROR, error=error, trys=claim.trys)
        case TryTimeout() as late:
            return failed(claim, str(late), now)
        case error:
            return failed(claim, describe(error), now)


def release(claim: Claim, run_at: datetime | None = None) -> Outcome:
    """The job goes back, its try not counted."""
    return Outcome(claim.id, claim.token, PENDING, run_at=run_at, uncount=True, trys=claim.trys)


def failed(claim: Claim, error: str, now: datetime) -> Outcome:
    """The try failed at `now`: due again after try_period, or the job gives up."""
    if claim.trys >= claim.try_max:
        return Outcome(claim.id, claim.token, ERROR, error=error, trys=claim.trys)
    due = later(now, claim.try_period)
    return Outcome(claim.id, claim.token, PENDING, error=error, run_at=due, trys=claim.trys)


def describe(error: BaseException) -> str:
    """An exception as the column `error` holds it: its name and message, then the traceback."""
    message, name = _message(error), _name(error)
    headline = f'{name}: {message}' if message else name
    trace = ''.join(traceback.format_tb(error.__traceback__))
    return f'{headline}\n{trace}' if trace else headline


def _name(error: BaseException) -> str:
    return type(error).__name__


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # an app's exception may fail to print itself, in whatever way
        return '(its message cannot be printed)'
