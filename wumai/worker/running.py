"""The tries that run in this worker, as its loop, its heartbeat and its stop see them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import gevent

from wumai.clock import Clock
from wumai.job import Claim, Interrupt


@dataclass(eq=False, slots=True)
class Try:
    """One run of a handler, from its claim until its outcome is written or dropped."""

    claim: Claim
    began: float
    """Monotonic seconds when it was begun."""
    begun_at: datetime
    """The same, naive UTC."""
    renewed: float
    """Monotonic seconds before the last statement that renewed the lease."""
    greenlet: 'gevent.Greenlet[..., None] | None' = None
    interrupted: Interrupt | None = None
    """The first interrupt that was sent; it decides the outcome, whatever the handler does then."""
    entered: bool = False
    """The handler is about to be called, or has been."""
    handler_ended: bool = False
    abandoned: bool = False
    """Its outcome was decided without waiting for the handler any longer."""
    settled: bool = False
    """Its outcome is written, or dropped."""

    @property
    def id(self) -> str:
        return self.claim.id

    @property
    def fence(self) -> tuple[str, str]:
        return self.claim.id, self.claim.token


@dataclass(slots=True)
class Running:
    """All tries that hold a lease. Their handlers take up places; written outcomes do not."""

    places: int
    tries: dict[str, Try] = field(default_factory=dict)
    """By token and id: a job may be claimed again while its old try has not yet been dropped."""
    on_change: Callable[[], None] = lambda: None

    @property
    def handlers(self) -> list[Try]:
        # A copy first, in one step: the heartbeat asks from another thread.
        return [t for t in list(self.tries.values()) if not t.handler_ended]

    @property
    def ending(self) -> int:
        """How many have ended and wait for their outcomes to be written."""
        return len(self.tries) - len(self.handlers)

    @property
    def free(self) -> int:
        return self.places - len(self.handlers)

    def add(self, running: Try) -> None:
        self.tries[running.claim.token + running.id] = running

    def has(self, job_id: str, token: str | None) -> bool:
        return (token or '') + job_id in self.tries

    def remove(self, running: Try) -> None:
        self.tries.pop(running.claim.token + running.id, None)
        self.on_change()

    def handler_ended(self, running: Try) -> None:
        running.handler_ended = True
        self.on_change()


class RunningJob:
    """The job as its handler sees it. Handlers are to be idempotent; their key is `id`."""

    __slots__ = ('_clock', '_lease', '_try', 'params')

    def __init__(self, running: Try, params: dict[str, Any], clock: Clock, lease: float) -> None:
        self._try = running
        self._clock = clock
        self._lease = lease
        self.params = params

    @property
    def id(self) -> str:
        return self._try.claim.id

    @property
    def action(self) -> str:
        return self._try.claim.action

    @property
    def project_id(self) -> str | None:
        return self._try.claim.project_id

    @property
    def trys(self) -> int:
        """The number of this try, from 1."""
        return self._try.claim.trys

    @property
    def try_max(self) -> int:
        return self._try.claim.try_max

    @property
    def is_last_try(self) -> bool:
        return self.trys >= self.try_max

    @property
    def age(self) -> float:
        """Seconds from the creation of the job to the beginning of this try."""
        created = self._try.claim.created
        return max(0.0, (self._try.begun_at - created).total_seconds()) if created else 0.0

    @property
    def context_id(self) -> str:
        """What names this try in the logs."""
        return f'{self.id}.{self.trys}'

    def sleep(self, seconds: float) -> None:
        """Wait, while other jobs run. Raises an Interrupt at the timeout or at a stop."""
        gevent.sleep(seconds)

    def holds_lease(self) -> bool:
        """Whether no other worker can have taken this job yet: ask before what must not be done
        twice at once. The answer is good until the lease, counted from its last renewal, is over.
        """
        running = self._try
        in_lease = self._clock.monotonic() - running.renewed < self._lease
        return in_lease and running.interrupted is None

    def __repr__(self) -> str:
        return f'<job {self.id} {self.action} try {self.trys} of {self.try_max}>'
