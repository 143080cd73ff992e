"""The store: all that wumai asks of a database, in prose.

Every method is one transaction, and does nothing twice by itself: it raises
`StoreError`s (see db_errors.py) and the caller decides whether to try again.
`now` is always an argument, in the database's time; SQL never asks the server for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from wumai.job import Claim, Expired, JobRow, Outcome
from wumai.store.columns import ColumnLimits


class Candidate(NamedTuple):
    """A pending job that is due or will be soon; None is due at once."""

    id: str
    run_at: datetime | None


class Claimed(NamedTuple):
    """What a claim took: jobs to run, and rows that were ended unrun, each with its reason."""

    claims: list[Claim]
    ended: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What `list_jobs` selects; None is any."""

    status: str | None = None
    action: str | None = None
    project_id: str | None = None
    after: str | None = None
    """Only ids behind this one in the order of the list: the last id of the page before."""
    limit: int = 100
    newest_first: bool = False


Fences = set[tuple[str, str]]
"""Ids of jobs, each with the token of one claim."""


class Store(Protocol):
    """See the file's head."""

    engine: Engine
    limits: ColumnLimits

    # The application's side

    def insert_jobs(
        self, rows: Sequence[JobRow], connection: Connection | Session | None = None
    ) -> None:
        """Insert jobs; with `connection`, in the transaction that it has open."""

    def get_job(self, job_id: str, connection: Connection | Session | None = None) -> JobRow | None:
        """The row, or None."""

    def list_jobs(
        self, wanted: JobFilter, connection: Connection | Session | None = None
    ) -> list[JobRow]:
        """Rows in the order of their ids, which is about their age."""

    def insert_operation(
        self, values: dict[str, Any], connection: Connection | Session | None = None
    ) -> None:
        """Write one row of the journal."""

    def cancel(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        """End a pending job as `cancelled`, or take a running one from its worker."""

    def retry(
        self, job_id: str, now: datetime, connection: Connection | Session | None = None
    ) -> bool:
        """Make a job in error pending, due now, with no try used."""

    def prune(
        self, statuses: Sequence[str], before: datetime, after: str, limit: int
    ) -> tuple[str | None, int]:
        """Delete at most `limit` jobs in `statuses` that were last written before `before`, the
        first ones behind the id `after`. Holds no lock but those rows'.

        Returns the id behind which to go on, None at the end, and how many it has deleted.
        """

    # The worker's side

    def candidates(self, until: datetime, limit: int, offset: int = 0) -> list[Candidate]:
        """Pending jobs due at `until` or before, earliest first, `offset` of them left out; locks
        nothing.
        """

    def claim(self, ids: Iterable[str], limit: int, token: str, now: datetime) -> Claimed:
        """Take at most `limit` of these jobs that are pending, due and free: pending -> running.

        A row with no try left, or that cannot be read, becomes error, unrun.
        """

    def end_unread(self, job_id: str, reason: str, now: datetime) -> None:
        """Make a pending row that cannot even be read error, unrun."""

    def held(self, ids: Iterable[str], token: str) -> list[Claim]:
        """Those of these jobs that run under `token`: settles a claim that is in doubt."""

    def write(self, outcomes: Sequence[Outcome], now: datetime) -> set[str]:
        """Write outcomes under their fences, in one transaction; the ids that were still held."""

    def written(self, outcomes: Sequence[Outcome]) -> tuple[set[str], set[str]]:
        """Of outcomes whose commit is in doubt: the ids written, and those still held."""

    def renew(self, fences: Iterable[tuple[str, str]], now: datetime) -> tuple[Fences, Fences]:
        """Renew the leases of these (id, token): those renewed, and those no longer held. One that
        is in neither is held, and locked by someone else.
        """

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        """Running rows that were last renewed before `before`, or never.

        Where there are any, it raises StoreError too if the database takes no writes now: so no
        heartbeats either.
        """

    def rescue(
        self,
        row: Expired,
        before: datetime,
        now: datetime,
        in_time: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Take `row` back if its token is unchanged and it is still expired; true if it was.

        Nothing is done to a row that someone has locked, nor where `in_time` says no before the
        commit: the database was too slow.
        """

    def rewrite_times(self, now: datetime) -> list[tuple[str, str]]:
        """Give times that other programs wrote the form that is compared; pending rows that hold
        no time are ended, and returned each with its reason. Only SQLite has such times.
        """

    # The server

    def ping(self) -> None:
        """Raise unless the database answers."""

    def problems(self, tables: Iterable[str]) -> list[str]:
        """What these tables lack, a sentence each; raises SchemaError for what stops a server."""

    def close(self) -> None:
        """Close all connections."""
