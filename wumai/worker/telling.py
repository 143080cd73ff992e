"""Telling the channels of a failed try whose outcome is stored."""

from datetime import datetime

from wumai.job import PENDING, Claim, Expired, Outcome
from wumai.notify.base import Notice


def failure(claim: Claim, outcome: Outcome) -> Notice:
    """What is told of a try that failed with `outcome`."""
    due = outcome.run_at if outcome.status == PENDING else None
    return notice(claim, (outcome.error or '').strip().partition('\n')[0], due)


def notice(job: Claim | Expired, error: str, next_try: datetime | None) -> Notice:
    """What is told of the present try of `job`; `next_try` None says that it gave up."""
    return Notice(
        action=job.action,
        job_id=job.id,
        trys=job.trys,
        try_max=job.try_max,
        error=error,
        next_try=next_try,
    )
