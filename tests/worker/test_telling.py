"""Every failed try is told once to each channel, after its outcome is stored."""

from datetime import timedelta

import pytest

from tests.worker.conftest import state
from wumai.config import CONF
from wumai.job import GiveUp
from wumai.model import Job
from wumai_testing.simulation import simulation


def fail(job):
    raise ValueError('no\nsecond line')


def test_the_facts(wumai_sim):
    """Action, id, try n of m, the first line of the error, the next try or that it gave up."""
    wumai_sim.route(None, {'Act': fail})
    job_id = Job.create('Act', try_max=2)
    wumai_sim.run_until_idle()
    texts = [
        f'Act {job_id} try 1 of 2 failed: ValueError: no; next try 2026-01-01 00:10:00 UTC',
        f'Act {job_id} try 2 of 2 failed: ValueError: no; gave up',
    ]
    assert [one.text for one in wumai_sim.slack] == texts
    assert [one.text for one in wumai_sim.sms] == texts


@pytest.mark.parametrize('reason', ['why', '\n\nwhy\nmore'])
def test_a_job_that_gave_up(wumai_sim, reason):
    """With its reason: the first line that says something."""

    def give_up(job):
        raise GiveUp(reason)

    wumai_sim.route(None, {'Act': give_up})
    Job.create('Act')
    wumai_sim.run_until_idle()
    assert [one.text.partition(' failed: ')[2] for one in wumai_sim.slack] == ['why; gave up']


def test_after_the_commit(wumai_sim):
    """Whoever reads the message finds the job as it says."""
    seen = []

    class Channel:
        name = 'own'

        def send(self, text):
            seen.append(state(wumai_sim, job_id))

    wumai_sim.route(None, {'Act': fail})
    wumai_sim.advance(1)
    wumai_sim.workers['w1'].worker.add_notifier(Channel())
    job_id = Job.create('Act', try_max=2)
    wumai_sim.run_until_idle()
    assert seen == [('pending', 1), ('error', 2)]


def test_a_success_and_a_release_are_not_told(wumai_sim):
    """Only what failed."""
    from wumai.job import RunLater

    def later(job):
        if wumai_sim.clock.monotonic() < 100:
            raise RunLater(30)

    wumai_sim.route(None, {'Act': lambda job: None, 'Later': later})
    Job.create('Act')
    Job.create('Later')
    wumai_sim.run_until_idle()
    assert (len(wumai_sim.slack), len(wumai_sim.sms)) == (0, 0)


def test_only_the_last():
    """CONF.notify_on = 'last'."""
    with simulation(notify_on='last') as sim:
        sim.route(None, {'Act': fail})
        Job.create('Act')
        sim.run_until_idle()
        assert [one.text.endswith('gave up') for one in sim.slack] == [True]
    assert CONF.notify_on == 'every'


def test_a_storm_is_folded(wumai_sim):
    """Over 20 a minute a channel gets a digest."""
    wumai_sim.route(None, {'Act': fail}, exec_size=100, pick_size=100)
    Job.create_many({'action': 'Act', 'try_max': 1} for _ in range(150))
    wumai_sim.run_until_idle()
    assert len(wumai_sim.slack) == 21
    assert '130 more failed tries' in wumai_sim.slack[-1].text
    assert wumai_sim.slack[-1].at - wumai_sim.slack[0].at <= timedelta(seconds=61)


@pytest.mark.parametrize('trouble', ['down', 'hang', 'status'])
def test_a_channel_in_trouble_costs_no_job_anything(wumai_sim, trouble):
    """Neither time nor an outcome; the other channel is told."""
    if trouble == 'status':
        wumai_sim.slack.status = 500
    else:
        getattr(wumai_sim.slack, trouble)('1h')
    wumai_sim.route(None, {'Act': fail})
    ids = Job.create_many({'action': 'Act', 'try_period': 30} for _ in range(3))
    wumai_sim.run_until_idle()
    for one in ids:
        assert wumai_sim.jobs[one].tries == [('error', '0s'), ('error', '30s'), ('error', '1m')]
    assert (len(wumai_sim.slack), len(wumai_sim.sms)) == (0, 9)
