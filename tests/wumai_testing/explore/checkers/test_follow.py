"""What must soon follow."""

import pytest

from tests.wumai_testing.explore.history import History, told
from wumai_testing.explore.checkers.follow import Interrupts, Losses, Outcomes, Watchdogs


def ended_and_nothing_written(history: History) -> None:
    history.ends(history.claims('w1#1', 'job'))
    history.passes(8)


def test_an_outcome_that_is_not_written() -> None:
    message = told(Outcomes, ended_and_nothing_written)
    assert message is not None
    assert 'no outcome is written' in message


def test_a_channel_is_no_excuse_for_an_outcome() -> None:
    def story(history: History) -> None:
        history.trouble('slack hang', None, 30)
        ended_and_nothing_written(history)

    assert told(Outcomes, story) is not None


def test_an_outage_is_one_and_its_end_is_its_end() -> None:
    def story(history: History) -> None:
        history.trouble('database down', None, 10)
        ended_and_nothing_written(history)

    def later(history: History) -> None:
        story(history)
        history.passes(20)

    assert told(Outcomes, story) is None
    assert told(Outcomes, later) is not None


def test_an_outcome_that_is_written_in_time() -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.ends(run)
        history.passes(4)
        history.finishes(run)
        history.passes(20)

    assert told(Outcomes, story) is None


@pytest.mark.parametrize('interrupted', [True, False])
def test_a_handler_whose_job_is_cancelled_is_interrupted(interrupted: bool) -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        run.interrupted = lambda: interrupted
        history.commits('app', 'job', status='error', error='cancelled', result=None)
        history.passes(5)

    assert (told(Losses, story) is None) is interrupted


@pytest.mark.parametrize('ends', [True, False])
def test_no_handler_outlives_the_watchdog(ends: bool) -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.passes(7)
        if ends:
            history.ends(run)
        history.passes(5)

    assert (told(Watchdogs, story) is None) is ends


@pytest.mark.parametrize(
    ('asleep', 'stalled', 'fine'), [(2.0, False, False), (0.9, False, True), (2.0, True, True)]
)
def test_who_swallows_an_interrupt_is_interrupted_again(
    asleep: float, stalled: bool, fine: bool
) -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        if stalled:
            history.trouble('stall', 'w1', 5)
        run.asleep_since = history.now
        history.checker.sleeps_on(run)
        history.passes(asleep)
        run.asleep_since = None
        history.passes(5)

    assert (told(Interrupts, story) is None) is fine
