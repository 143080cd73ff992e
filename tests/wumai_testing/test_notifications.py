"""The captured channels: their faults, their latency, and expectations strict both ways."""

import pytest

from wumai.model import Job
from wumai_testing.simulation import Simulation


@pytest.fixture
def failing(wumai_sim: Simulation) -> Simulation:
    """A job that fails at 0 s and at 10 min."""
    wumai_sim.route(None, {'Boom': lambda job: 1 / 0})
    Job.create('Boom', try_max=2, try_period=600)
    return wumai_sim


def arrivals(sim: Simulation) -> tuple[list[float], list[float]]:
    start = sim.timeline.start
    slack, sms = ([(one.at - start).total_seconds() for one in c] for c in (sim.slack, sim.sms))
    return slack, sms


def test_a_channel_that_is_down_loses_messages_of_its_own_alone(failing: Simulation) -> None:
    failing.slack.down('5m')
    failing.run_until_idle()
    assert arrivals(failing) == ([600], [0, 600])
    assert 'slack is down for 5m' in failing.timeline.text()


def test_a_channel_that_hangs_holds_up_no_job(failing: Simulation) -> None:
    """What is given up while it hangs is lost; what still waits then arrives."""
    failing.sms.hang('5m')
    failing.run_until_idle()
    assert arrivals(failing) == ([0, 600], [600])
    (job,) = failing.jobs.values()
    assert job.tries == [('error', '0s'), ('error', '10m')]


def test_down_and_hang_can_be_ended(failing: Simulation) -> None:
    failing.slack.down('1h')
    failing.slack.down(0)
    failing.sms.hang('1h')
    failing.sms.hang(0)
    failing.run_until_idle()
    assert arrivals(failing) == ([0, 600], [0, 600])


def test_a_slow_channel_answers_after_its_latency(failing: Simulation) -> None:
    failing.slack.latency = '3s'
    failing.run_until_idle()
    assert arrivals(failing) == ([3, 603], [0, 600])


def test_an_answer_of_500_is_tried_again(failing: Simulation) -> None:
    failing.slack.status = 500
    failing.advance('1m')
    failing.slack.status = 200
    failing.run_until_idle()
    assert arrivals(failing)[0] == [600]
    assert failing.timeline.text().count('slack answers 500') == 3


def test_a_message_that_is_not_there_shows_those_that_are(failing: Simulation) -> None:
    with pytest.raises(IndexError, match='there is no message -1: <slack'):
        failing.slack[-1]


def test_expectations_are_strict_both_ways(failing: Simulation) -> None:
    """Each failure lists what came, with its time."""
    failing.slack.expect('try 1 of 2')
    failing.sms.expect('try 1 of 2')
    failing.sms.expect('try 2 of 2')
    failing.sms.expect('try 3 of 2')
    failing.run_until_idle()
    with pytest.raises(AssertionError, match=r'an unexpected message.*try 2 of 2') as surplus:
        failing.slack.verify()
    assert '  2026-01-01 00:10:00Z Boom job-' in str(surplus.value)
    with pytest.raises(AssertionError, match="no message matches 'try 3 of 2'"):
        failing.sms.verify()
    failing.slack.expect('try 2 of 2')
    failing.sms._expected.pop()
