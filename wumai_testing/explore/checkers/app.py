"""The app's own invariants, on its own tables."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from wumai_testing.explore.application import broken_invariant
from wumai_testing.explore.checkers.base import Checker


class AppInvariants(Checker):
    """Each check is called with what is committed, whenever something was."""

    invariant = "the app's own"
    checks: Sequence[Any] = ()
    _seen = 0
    _engine: Engine | None = None

    def check(self) -> None:
        """Called between two steps."""
        if not self.checks or self._seen == self.world.commits:
            return
        self._seen = self.world.commits
        self._engine = self._engine or self.world.explored.observer()
        with Session(self._engine) as session:
            broken = broken_invariant(self.checks, session)
        if broken:
            self.invariant, message = broken  # type: ignore[misc]
            self.fail(message, next((job for job in self.ledger.rows if job in message), None))

    def idle(self) -> None:
        self.check()
