"""A run as data: what was drawn from its seed, and may be cut away to make the run shorter."""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job, a foreign row or an API call, at a time."""

    at: float
    """Virtual seconds after the start."""
    action: str
    params: dict[str, Any] = field(default_factory=dict)
    try_period: int = 10
    try_max: int = 3
    delay: float | None = None
    """Seconds from its creation until it is due; None is at once."""
    columns: dict[str, Any] | None = None
    """Columns as another program wrote them, past Job.create."""
    then: tuple[tuple[str, float], ...] = ()
    """What a user does about it later: ('cancel' or 'retry', seconds after its creation)."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a worker does when a fault strikes."""

    at: str
    """'begin' or 'end' of a handler; 'write', a statement that writes a row, or 'midway', another
    one in its transaction; 'suspect', a look that finds rows past their leases, or 'rescue' of one.
    """
    skip: int = 0
    """How many of these pass before."""

    def __str__(self) -> str:
        return f' at {self.at}' + (f' {self.skip + 1}' if self.skip else '')


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """Something that goes wrong, at a time."""

    at: float
    kind: str
    target: str | None = None
    """A worker, where the kind strikes one."""
    seconds: float = 0.0
    """How long it lasts, or by how much a clock steps."""
    aim: Aim | None = None
    """What its target, or anyone, is to reach before it strikes."""

    def __str__(self) -> str:
        target = f' {self.target}' if self.target else ''
        lasting = f' {self.seconds:g}s' if self.seconds else ''
        return f'{self.at:g}s {self.kind}{target}{lasting}{self.aim or ""}'


@dataclass(frozen=True, slots=True)
class PlannedWorker:
    """A worker process, which is started again whenever it ends."""

    name: str
    skew: float = 0.0
    """By how many seconds its host's clock is wrong, and by how much more each second."""
    drift: float = 0.0
    lacks: str | None = None
    """An action that this version of the app does not know, until all is healed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that makes a run, besides the app. Chance inside the run hangs on `seed` alone."""

    seed: int
    workers: tuple[PlannedWorker, ...]
    jobs: tuple[PlannedJob, ...]
    faults: tuple[PlannedFault, ...]
    options: dict[str, Any]
    """create_worker's."""
    server: dict[str, Any]
    """The emulated server's."""
    latency: float
    """Mean seconds of a statement, and of its answer, on their way."""
    calm_at: float
    """When all faults end."""
    channel_latency: float = 0.0
    """Seconds that a channel takes for a message."""

    def without(self, part: str, index: int) -> 'Plan':
        """The plan less one of its `jobs`, `faults` or `workers`."""
        kept = [one for number, one in enumerate(getattr(self, part)) if number != index]
        changed: dict[str, Any] = {part: tuple(kept)}
        return replace(self, **changed)
