"""When tries begin: polls, wake-ups, places, and other workers."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.worker.conftest import put_plain, starts, state
from wumai import db
from wumai.model import Job
from wumai_testing.simulation import START


def noop(job):
    pass


def test_a_job_made_elsewhere_begins_within_a_poll(wumai_sim):
    """At most poll_interval + 1 s after it is due, while places are free."""
    wumai_sim.route(None, {'Act': noop}, poll_interval=2)
    for number in range(20):
        wumai_sim.advance(7.3)
        now = wumai_sim.clock.monotonic()
        job_id = put_plain(wumai_sim, f'job-{number}')
        wumai_sim.run_until_idle()
        assert 0 <= starts(wumai_sim, job_id)[0] - now <= 3


@pytest.mark.parametrize('ahead', [0.4, 1, 59.2, 600, 86_400 * 30])
def test_run_at_is_waited_for(wumai_sim, ahead):
    """Rounded up to the whole second, and met to the instant."""
    wumai_sim.route(None, {'Act': noop})
    job_id = Job.create('Act', run_at=START + timedelta(seconds=ahead))
    wumai_sim.run_until_idle()
    due = -(-ahead // 1)
    assert due <= starts(wumai_sim, job_id)[0] <= due + 0.01


def test_a_due_time_in_the_past(wumai_sim):
    """Is due at once."""
    wumai_sim.route(None, {'Act': noop})
    wumai_sim.advance(100)
    job_id = Job.create('Act', run_at=START - timedelta(days=300))
    wumai_sim.run_until_idle()
    assert 100 <= starts(wumai_sim, job_id)[0] <= 103


def test_a_job_of_this_process_does_not_wait_for_a_poll(wumai_sim):
    """A handler that creates a job wakes its worker at the commit, not before and not later."""

    def create(job):
        with db.transaction():
            job_id = Job.create('Act')
            with db.transaction():
                job.sleep(50)
        return job_id

    wumai_sim.route(None, {'Make': create, 'Act': noop}, poll_interval=30)
    first = Job.create('Make')
    wumai_sim.run_until_idle()
    made = wumai_sim.jobs[wumai_sim.jobs[first].result]
    assert made.tries[0].began - wumai_sim.jobs[first].tries[0].began == pytest.approx(50, abs=0.1)


def test_a_job_of_this_process_is_claimed_without_a_look_at_the_table(wumai_sim):
    """Where nothing else is due: one question less before it begins."""
    seen: list[str] = []

    def make(job):
        job.sleep(5)
        seen.clear()
        return Job.create('Act')

    wumai_sim.route(None, {'Make': make, 'Act': noop})
    store = wumai_sim.workers['w1'].runtime.worker_store
    look, claim = store.candidates, store.claim
    store.candidates = lambda *args: seen.append('look') or look(*args)
    store.claim = lambda *args: seen.append('claim') or claim(*args)
    Job.create('Make')
    wumai_sim.run_until_idle()
    assert seen[:2] == ['claim', 'look']


def test_a_short_retry_does_not_wait_for_a_poll(wumai_sim):
    """The worker knows the due times that it has written itself."""

    def fail(job):
        raise ValueError

    wumai_sim.route(None, {'Act': fail}, poll_interval=30)
    job_id = Job.create('Act', try_period=2)
    wumai_sim.run_until_idle()
    first, second, third = starts(wumai_sim, job_id)
    assert second - first == pytest.approx(2, abs=1.01)
    assert third - second == pytest.approx(2, abs=1.01)


def test_a_backlog_fills_each_place_as_it_is_freed(wumai_sim):
    """Without waiting for a poll; never more than exec_size at once."""
    running, most = set(), []

    def handler(job):
        running.add(job.id)
        most.append(len(running))
        job.sleep(10)
        running.discard(job.id)

    wumai_sim.route(None, {'Act': handler}, exec_size=3, pick_size=2)
    Job.create_many({'action': 'Act'} for _ in range(12))
    wumai_sim.run_until_idle()
    assert max(most) == 3
    begun = sorted(start for job in wumai_sim.jobs for start in starts(wumai_sim, job))
    assert begun[-1] - begun[0] == pytest.approx(30, abs=0.5)


def test_pick_size_limits_a_claim_and_not_a_rate(wumai_sim):
    """A turn that saw candidates does not wait."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(5)}, exec_size=50, pick_size=3)
    ids = Job.create_many({'action': 'Act'} for _ in range(40))
    wumai_sim.run_until_idle()
    assert max(start for one in ids for start in starts(wumai_sim, one)) < 3.1


def worked(wumai_sim, places, seconds):
    """When jobs of so many seconds each began, on a worker with so many places."""
    wumai_sim.route(None, {'Work': lambda job: job.sleep(job.params['for'])}, exec_size=places)
    wumai_sim.faults.latency = lambda node: 0.002
    ids = Job.create_many({'action': 'Work', 'params': {'for': one}} for one in seconds)
    wumai_sim.run_until_idle()
    return [starts(wumai_sim, one)[0] for one in ids]


def test_a_claim_for_few_places_waits_for_those_about_to_be_free(wumai_sim):
    """As long as outcomes are being written: jobs are claimed together, and not in crumbs."""
    claims = Counter(worked(wumai_sim, 10, [1.0] * 2 + [1.001] * 8 + [1.0] * 10))
    _, (_, second), *_ = sorted(claims.items())
    assert second >= 8


def test_a_claim_does_not_wait_long_for_places(wumai_sim):
    """Longer than a moment only as long as none is free."""
    assert 1 < max(worked(wumai_sim, 2, [1, 100, 1])) < 2


def test_the_earliest_due_go_first(wumai_sim):
    """As long as no other worker takes what this one has read."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(1)}, exec_size=1)
    wumai_sim.advance(200)
    ids = Job.create_many(
        {'action': 'Act', 'run_at': START + timedelta(seconds=n)} for n in range(60)
    )
    wumai_sim.run_until_idle()
    order = sorted(ids, key=lambda one: starts(wumai_sim, one))
    assert order == ids


@pytest.mark.parametrize('latency', [0, 0.003])
def test_two_workers_never_run_one_row_twice(wumai_sim, latency):
    """However their statements interleave, and they share the work."""
    if latency:
        wumai_sim.faults.latency = lambda node: latency
    wumai_sim.route(None, {'Act': lambda job: job.sleep(3)}, workers=3, exec_size=4)
    ids = Job.create_many({'action': 'Act'} for _ in range(100))
    wumai_sim.run_until_idle()
    tries = [one for job_id in ids for one in wumai_sim.jobs[job_id].tries]
    assert len(tries) == 100
    assert {one.worker for one in tries} == {'w1', 'w2', 'w3'}
    assert {state(wumai_sim, one) for one in ids} == {('finished', 1)}


def test_a_skewed_host_agrees_on_what_is_due(wumai_sim):
    """Time is the database's: a host an hour ahead begins no try early."""
    wumai_sim.route(None, {'Act': noop}, workers=0)
    wumai_sim.start_worker('ahead', skew=3600)
    job_id = Job.create('Act', run_at=START + timedelta(minutes=30))
    wumai_sim.run_until_idle()
    assert starts(wumai_sim, job_id) == pytest.approx([1800], abs=0.1)


def test_a_loop_survives_a_bug(wumai_sim, monkeypatch):
    """It is logged, and the next turn comes after a poll."""
    wumai_sim.route(None, {'Act': noop})
    wumai_sim.advance(1)
    store = wumai_sim.workers['w1'].runtime.worker_store
    real, calls = store.candidates, []

    def broken(*args):
        calls.append(wumai_sim.clock.monotonic())
        if len(calls) < 3:
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(store, 'candidates', broken)
    job_id = put_plain(wumai_sim)
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert len([line for line in wumai_sim.logs if 'a turn of the worker failed' in line.message])


def test_an_idle_worker_asks_little(wumai_sim):
    """One query a poll, and none more at the end of a job than that."""
    wumai_sim.route(None, {'Act': noop})
    wumai_sim.advance(5)
    store = wumai_sim.workers['w1'].runtime.worker_store
    queries = []
    real = store.candidates
    store.candidates = lambda *args: queries.append(args) or real(*args)
    Job.create('Act')
    wumai_sim.advance(10)
    assert len(queries) <= 8
