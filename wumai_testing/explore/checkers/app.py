"""The app's own invariants, on its own tables."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

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
            for check in self.checks:
                self._call(check, session)

    def _call(self, check: Any, session: Session) -> None:
        try:
            answer = check(session)
        except AssertionError as error:
            answer = str(error).partition('\n')[0] or 'it does not hold'
        if answer is False or isinstance(answer, str):
            self.invariant = f'{check.__module__}.{check.__name__}'  # type: ignore[misc]
            self.fail(answer or 'it does not hold')

    def idle(self) -> None:
        self.check()
