"""A scenario as data: what a file says, read and checked. Nothing here runs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from wumai_testing.scenario.matching import Matcher
from wumai_testing.scenario.values import Value
from wumai_testing.worker_options import WorkerSettings


@dataclass(frozen=True, slots=True)
class Offset:
    """A time as seconds from now; below 0 it is past."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """An action, through the real API."""

    line: int
    request: Mapping[str, Value]
    """The body, `action` included."""
    expect: Matcher | None = None
    """Of a mapping with http, retCode, message and body."""
    save: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where in that mapping to find what each name is to stand for."""


@dataclass(frozen=True, slots=True)
class Post:
    """Raw bytes, sent to the API."""

    line: int
    body: bytes = b''
    """All that is sent: repeated already."""
    method: str = 'POST'
    path: str = '/'
    headers: Mapping[str, Value] = field(default_factory=dict)
    """These alone: no Content-Type is added."""
    expect: Matcher | None = None
    save: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobStep:
    """A row of the table `job`."""

    line: int
    action: str
    columns: Mapping[str, Value | datetime | Offset] = field(default_factory=dict)
    """Only those of params, project_id, run_at, try_period and try_max that are given; None is
    NULL, a text in `params` is what the column is to hold, a datetime is naive UTC.
    """
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a job, by alias or saved name, that has not ended."""

    line: int
    job: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Let a job in error, by alias or saved name, run again."""

    line: int
    job: str


@dataclass(frozen=True, slots=True)
class Advance:
    """Let virtual time pass."""

    line: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Until nothing is left to do, or `within` seconds have passed (None: the default)."""

    line: int
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Crash:
    """Kill a worker."""

    line: int
    worker: str


@dataclass(frozen=True, slots=True)
class Stall:
    """Freeze a worker for some seconds."""

    line: int
    worker: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask a worker to stop, and wait for its exit."""

    line: int
    worker: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker, a new one or one that had ended."""

    line: int
    worker: str


DatabaseKind: TypeAlias = Literal[
    'down',
    'hang',
    'read_only',
    'deadlock',
    'lock_timeout',
    'lost_before_commit',
    'lost_after_commit',
]


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """`down`, `hang` and `read_only` last for `seconds`; the others strike the next write, of the
    worker `by` (or `api`) where it is given.
    """

    line: int
    kind: DatabaseKind
    seconds: float | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelFault:
    """A channel fails, or hangs, for some seconds."""

    line: int
    channel: Literal['slack', 'sms']
    kind: Literal['down', 'hang']
    seconds: float


@dataclass(frozen=True, slots=True)
class Expect:
    """What is to be true now. None, or a job that is not named: nothing is asked of it."""

    line: int
    jobs: Mapping[str, Matcher] = field(default_factory=dict)
    """By alias or saved name: of the row, a mapping of columns; ABSENT where there is none."""
    runs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By alias or saved name: starts of the tries, seconds from the start of the scenario."""
    slack: Matcher | None = None
    """Of the list of texts."""
    sms: Matcher | None = None
    operations: Matcher | None = None
    """Of the list of rows, each a mapping of columns."""
    running: Matcher | None = None
    """Of the number of rows that run."""


Step: TypeAlias = (
    Call
    | Post
    | JobStep
    | Cancel
    | Retry
    | Advance
    | Run
    | Crash
    | Stall
    | Stop
    | Start
    | DatabaseFault
    | ChannelFault
    | Expect
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file."""

    name: str
    steps: tuple[Step, ...]
    app: str | None = None
    app_at: tuple[int, int] = field(default=(1, 1), compare=False)
    """The line and the column at which it is named."""
    start: datetime = datetime(2026, 1, 1)
    """Naive UTC."""
    workers: int = 1
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    """create_worker's options; times in seconds."""
    env: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
