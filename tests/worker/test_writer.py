"""The writer of outcomes: what it cannot write, and what someone else takes over."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from tests.worker.conftest import logged, sql, state
from wumai.clock import SystemClock
from wumai.entropy import RandomEntropy
from wumai.job import ERROR, Claim, Outcome
from wumai.model import Job
from wumai.worker.running import Running, Try
from wumai.worker.writer import OutcomeWriter
from wumai_testing.simulation import START


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


def test_what_cannot_be_written_holds_up_no_other(wumai_sim):
    """And is written when it can be; it is told by its name, and not at each attempt."""
    wumai_sim.route(None, {'Act': lambda job: None, 'Bad': lambda job: None})
    sql(
        wumai_sim,
        "CREATE TRIGGER audit BEFORE UPDATE ON job WHEN OLD.action = 'Bad' AND "
        "NEW.status = 'finished' BEGIN SELECT json('{'); END",
    )
    bad = Job.create('Bad')
    wumai_sim.advance(1)
    others = [Job.create('Act', run_at=START + timedelta(seconds=n)) for n in range(2, 60)]
    wumai_sim.advance(59)
    for job_id in others:
        ended, written = wumai_sim.timeline.of(job_id, 'end', 'outcome')
        assert written.at == ended.at
    (line,) = logged(wumai_sim, f'the outcome of Bad {bad} is kept')
    assert 'malformed JSON' in line
    assert len(logged(wumai_sim, 'malformed JSON')) == 2
    assert state(wumai_sim, bad) == ('running', 1)
    assert wumai_sim.workers['w1'].worker.in_doubt
    sql(wumai_sim, 'DROP TRIGGER audit')
    wumai_sim.advance(2)
    assert state(wumai_sim, bad) == ('finished', 1)


def test_a_stop_waits_for_what_cannot_be_written(wumai_sim):
    """It exits with 1 where that stays so."""
    wumai_sim.route(None, {'Bad': lambda job: None}, grace=10)
    sql(
        wumai_sim,
        "CREATE TRIGGER audit BEFORE UPDATE ON job WHEN NEW.status = 'finished' "
        "BEGIN SELECT json('{'); END",
    )
    Job.create('Bad')
    wumai_sim.advance(30)
    assert wumai_sim.stop_worker('w1') == 1
