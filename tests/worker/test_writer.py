"""The writer of outcomes, where someone else takes over what it has not written."""

from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from wumai.clock import SystemClock
from wumai.entropy import RandomEntropy
from wumai.job import ERROR, Claim, Outcome
from wumai.worker.running import Running, Try
from wumai.worker.writer import OutcomeWriter


class Story:
    """A writer whose store takes whatever it is given."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.running = Running(places=1)
        limits = SimpleNamespace(fitting=lambda _, text: text)
        store = SimpleNamespace(write=lambda outcomes, _: {o.id for o in outcomes}, limits=limits)
        runtime: Any = SimpleNamespace(
            worker_store=store,
            clock=SystemClock(),
            entropy=RandomEntropy(),
            notifier=SimpleNamespace(failed=self.told.append),
        )
        self.writer = OutcomeWriter(runtime, self.running)

    def put(self) -> None:
        """A try that has failed for good."""
        claim = Claim('job-1', 'token', 'Act', None, None, None, 600, 1, 1)
        one = Try(claim, 0.0, SystemClock().now(), 0.0)
        self.running.add(one)
        self.writer.put(one, Outcome('job-1', 'token', ERROR, error='no'))

    def write(self) -> None:
        writing = gevent.spawn(self.writer.run)
        assert self.writer.drain(5)
        writing.kill()


@pytest.fixture
def story() -> Story:
    return Story()


def test_what_is_written_is_told(story: Story) -> None:
    story.put()
    story.write()
    assert len(story.told) == 1
    assert story.writer.hand_over() == []


def test_what_is_handed_over_is_told_by_who_has_it(story: Story) -> None:
    story.put()
    ((_, outcome),) = story.writer.hand_over()
    story.write()
    assert (outcome.id, story.told) == ('job-1', [])


def test_what_comes_later_is_told(story: Story) -> None:
    """Nobody has taken that over."""
    assert story.writer.hand_over() == []
    story.put()
    story.write()
    assert len(story.told) == 1


def test_what_is_being_settled_is_told(story: Story) -> None:
    """It is handed to nobody any more."""
    handed: list[Any] = []
    story.running.on_change = lambda: handed.extend(story.writer.hand_over())
    story.put()
    story.write()
    assert (handed, len(story.told)) == ([], 1)
