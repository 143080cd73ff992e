"""Waiting for processes that end."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from wumai_testing.scenario.live.children import Child, Nursery
from wumai_testing.scenario.live.events import READY, EventFile, EventLog
from wumai_testing.scenario.live.process import Spec
from wumai_testing.scenario.live.processes import Processes


class Brief(Child):
    """Ends while it is waited for, and perhaps says before that it is ready."""

    def __init__(self, spec: Spec, events: EventFile, *, says: bool) -> None:
        super().__init__(spec)
        self._events, self._says = events, says

    def wait(self, seconds: float) -> bool:
        if self._says and self.alive:
            self._events.add(READY, worker=self.spec.process)
        self.ended(3)
        return True


@pytest.fixture
def events(tmp_path: Path) -> Iterator[EventFile]:
    """What all processes write."""
    with closing(EventFile(tmp_path / 'events.jsonl')) as events:
        yield events


def processes(events: EventFile, *, says: bool) -> Processes:
    """One, w1, that runs."""
    folder, nursery = events.path.parent, cast(Nursery, cast(Any, None))
    made = Processes(nursery, folder, folder, {}, events, EventLog(events.path))
    spec = Spec('worker', 'w1', 'w1-1', 'a.yaml', str(folder), {})
    made.workers['w1'] = Brief(spec, events, says=says)
    return made


def test_a_worker_that_ends_as_soon_as_it_is_ready_has_started(events: EventFile) -> None:
    """How it left is told where that is looked after."""
    one = processes(events, says=True)
    one.await_workers()
    with pytest.raises(AssertionError, match='the worker w1 left with code 3'):
        one.look_after()


def test_a_worker_that_ends_without_a_word_has_not_started(events: EventFile) -> None:
    with pytest.raises(AssertionError, match='w1-1 did not start:\nit said nothing'):
        processes(events, says=False).await_workers()
