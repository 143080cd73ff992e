"""When a worker looks: quick after a job, seldom when idle, and woken by other processes."""

from datetime import timedelta

import pytest

from tests.worker.conftest import logged, put_plain, starts
from wumai import db
from wumai.model import Job
from wumai_testing.simulation import Simulation, simulation
from wumai_testing.wire import VirtualPort

REDIS = {'REDIS_HOST': 'redis.invalid'}


def noop(job):
    pass


@pytest.fixture
def redis_sim():
    """Processes that tell each other of jobs."""
    with simulation(environ=REDIS) as sim:
        yield sim


def looks(sim: Simulation, seconds: float) -> int:
    """How often the workers look at the table in that time."""
    count = 0
    for one in sim.workers.values():
        store, candidates = one.runtime.worker_store, one.runtime.worker_store.candidates

        def counted(*args, candidates=candidates):
            nonlocal count
            count += 1
            return candidates(*args)

        store.candidates = counted
    for _ in range(round(seconds * 100)):
        sim.advance(0.01)  # a longer advance leaves out looks that find nothing
    return count


def test_a_worker_elsewhere_is_woken(redis_sim):
    """At the commit, whatever its poll_interval."""
    redis_sim.route(None, {'Act': noop}, poll_interval=1000)
    redis_sim.advance(10)
    with db.transaction():
        job_id = Job.create('Act')
        redis_sim.advance(20)
    redis_sim.run_until_idle()
    assert starts(redis_sim, job_id) == [pytest.approx(30, abs=0.05)]


def test_a_retry_wakes_nobody_elsewhere(redis_sim, monkeypatch):
    """It is due later: one message for the job, and none for its failed try."""
    told = []
    monkeypatch.setattr(VirtualPort, 'send', lambda _, sender: told.append(sender))
    redis_sim.route(None, {'Fail': lambda job: 1 / 0})
    Job.create('Fail', try_period=60, try_max=3)
    redis_sim.run_until_idle()
    assert len(told) == 1


def test_a_worker_that_was_not_there_yet(redis_sim):
    """It looks when it begins to listen."""
    redis_sim.route(None, {'Act': noop}, poll_interval=1000)
    redis_sim.advance(0.0005)
    put_plain(redis_sim)
    redis_sim.runtime.wakeups.created()
    redis_sim.run_until_idle()
    assert starts(redis_sim, 'job-1')[0] < 1000


def test_many_jobs_wake_once(redis_sim):
    """Jobs of one moment cost each worker a look or two."""
    redis_sim.route(None, {'Act': noop}, workers=4, poll_interval=1000)
    redis_sim.advance(10)
    for _ in range(40):
        Job.create('Act')
    assert looks(redis_sim, 5) <= 4 * 6
    redis_sim.run_until_idle()


def test_who_lost_a_race_lets_others_go_first(redis_sim):
    """Of workers that all are told, few try to take the same job."""
    redis_sim.route(None, {'Act': noop}, workers=8, poll_interval=1000)
    for _ in range(10):
        redis_sim.advance(10)
        Job.create('Act')
    redis_sim.advance(10)
    behind = [one.worker._loop._pace.handicap() for one in redis_sim.workers.values()]
    assert sorted(behind)[0] == 0
    assert sum(one > 0 for one in behind) >= 6
    assert not logged(redis_sim, 'deadlock')


def test_a_simulation_with_it_is_repeatable():
    """Byte for byte."""

    def run():
        with simulation(environ=REDIS, seed=7) as sim:
            sim.route(None, {'Act': noop}, workers=3)
            for number in range(20):
                Job.create('Act', run_at=sim.clock.now() + timedelta(seconds=number % 3))
                sim.advance(0.3)
            sim.run_until_idle()
            return [str(line) for line in sim.logs], [starts(sim, job) for job in sim.jobs]

    assert run() == run()


def test_quick_after_a_job_and_seldom_when_idle(wumai_sim):
    """Where nobody tells: the pauses grow from `quickest_poll` to poll_interval."""
    wumai_sim.route(None, {'Act': noop}, poll_interval=2)
    (one,) = wumai_sim.workers.values()
    one.runtime.quickest_poll = 0.02
    idle = looks(wumai_sim, 20)
    put_plain(wumai_sim)
    wumai_sim.advance(2.2)
    put_plain(wumai_sim, 'job-2')
    now = wumai_sim.clock.monotonic()
    wumai_sim.advance(0.5)
    assert starts(wumai_sim, 'job-2')[0] - now < 0.3
    busy = looks(wumai_sim, 1)
    assert 2 <= busy <= 50
    wumai_sim.advance(30)
    assert looks(wumai_sim, 20) == pytest.approx(idle, abs=2)
