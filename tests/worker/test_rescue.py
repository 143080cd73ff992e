"""Leases: crash, stall, cancel, and who may take a job from whom."""

from contextlib import suppress
from itertools import pairwise

import pytest

from tests.worker.conftest import logged, put_plain, sql, starts, state
from wumai.job import LeaseLost, make_token
from wumai.model import Job
from wumai.store.db_errors import Unavailable
from wumai.store.sql import SqlStore

LEASE = 60
T0 = '2026-01-01 00:00:00'


def long(job):
    job.sleep(300)
    return 'done'


def test_a_crashed_workers_job_is_rescued(wumai_sim):
    """After its lease and a further third of it; due at once, and told."""
    wumai_sim.route(None, {'Act': long}, workers=2)
    job_id = Job.create('Act', try_period=3600)
    wumai_sim.advance(100)
    first = wumai_sim.jobs[job_id].tries[0].worker
    wumai_sim.crash_worker(first)
    wumai_sim.run_until_idle()
    one, two = wumai_sim.jobs[job_id].tries
    assert (one.status, two.status, two.worker != first) == ('error', 'finished', True)
    # Its last heartbeat was up to a third of a lease before the crash.
    assert 100 + LEASE * 3 / 4 <= one.ended <= 100 + LEASE * 4 / 3 + LEASE / 3 + 3
    assert two.began - one.ended <= 3
    (message,) = wumai_sim.slack
    assert 'try 1 of 3 failed: worker lost; next try' in message.text
    assert logged(wumai_sim, f'rescued from {first}#')


def test_a_job_that_kills_its_worker_ends_in_error(wumai_sim):
    """After try_max tries, crashes included."""
    killed = []

    def kill(job):
        killed.append(job.trys)
        wumai_sim.workers[f'w{len(killed)}'].node.crash()

    wumai_sim.route(None, {'Act': kill}, workers=0)
    job_id = Job.create('Act', try_max=3)
    for number in (1, 2, 3):
        wumai_sim.start_worker(f'w{number}')
        wumai_sim.run_until(lambda n=number: len(killed) == n, within='10m')
    wumai_sim.start_worker('w4')
    wumai_sim.run_until_idle()
    assert killed == [1, 2, 3]
    assert state(wumai_sim, job_id) == ('error', 3)
    assert Job.get(job_id).error == 'worker lost'
    assert [('gave up' in one.text) for one in wumai_sim.slack] == [False, False, True]


def test_a_restarted_worker_rescues_its_former_self(wumai_sim):
    """It has the same host and another name."""
    wumai_sim.route(None, {'Act': long})
    job_id = Job.create('Act')
    wumai_sim.advance(10)
    wumai_sim.crash_worker('w1')
    wumai_sim.start_worker('w1')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 2)


def test_a_worker_rescues_what_it_knows_nothing_of(wumai_sim):
    """A claim of its own of which it has lost sight: there may be no other worker to do it."""
    wumai_sim.route(None, {'Act': lambda job: 'done'})
    wumai_sim.advance(10)
    token = make_token(wumai_sim.workers['w1'].process, 'lost')
    job_id = put_plain(wumai_sim, status='running', result=token, trys=1, updated=T0)
    wumai_sim.run_until_idle(within='5m')
    assert state(wumai_sim, job_id) == ('finished', 2)


def test_a_worker_never_rescues_its_own_live_tries(wumai_sim, monkeypatch):
    """Though its heartbeats fail for several leases while its loop reads and writes."""

    def fail(*_):
        raise Unavailable('only for the heartbeat')

    monkeypatch.setattr(SqlStore, 'renew', fail)
    wumai_sim.route(None, {'Act': long})
    job_id = Job.create('Act')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert not logged(wumai_sim, 'rescued from')


def test_a_live_job_keeps_its_lease(wumai_sim):
    """However long it runs, and however many look."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(7000)}, workers=3, exec_timeout=10_000)
    job_id = Job.create('Act')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert len(wumai_sim.slack) == 0


@pytest.mark.parametrize('lease', [3, 7, 600])
def test_any_lease(wumai_sim, lease):
    """The heartbeat and the looks go by it."""
    wumai_sim.route(None, {'Act': long}, workers=2, lease=lease)
    job_id = Job.create('Act')
    wumai_sim.advance(100)
    crashed = wumai_sim.jobs[job_id].tries[0].worker
    wumai_sim.crash_worker(crashed)
    wumai_sim.run_until_idle()
    first, _ = wumai_sim.jobs[job_id].tries
    assert lease * 2 / 3 <= first.ended - 100 <= lease * 5 / 3 + 5


class TestStall:
    """A worker that stands still for longer than its lease."""

    def test_its_late_outcome_is_dropped(self, wumai_sim):
        """The job is another's: nothing changes, it is logged, and nobody is told."""
        # So short that it ends before a heartbeat tells it of its loss.
        wumai_sim.route(None, {'Act': lambda job: job.sleep(1)}, workers=2)
        wumai_sim.advance(1)
        job_id = Job.create('Act')
        wumai_sim.run_until(lambda: wumai_sim.jobs[job_id].tries != [], within=10)
        stalled = wumai_sim.jobs[job_id].tries[0].worker
        wumai_sim.stall_worker(stalled, '10m')
        wumai_sim.run_until_idle()
        wumai_sim.advance('10m')
        assert [one.status for one in wumai_sim.jobs[job_id].tries] == ['error', 'finished']
        assert state(wumai_sim, job_id) == ('finished', 2)
        assert logged(wumai_sim, 'its outcome came late and is dropped')
        assert [('worker lost' in one.text) for one in wumai_sim.slack] == [True]

    def test_its_handler_is_stopped(self, wumai_sim):
        """At the next heartbeat; its cleanup runs, nothing is written."""
        ended = []

        def handler(job):
            try:
                job.sleep(500)
            except BaseException as error:
                ended.append((job.trys, type(error), job.holds_lease()))
                raise

        wumai_sim.route(None, {'Act': handler}, workers=2)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        wumai_sim.stall_worker(wumai_sim.jobs[job_id].tries[0].worker, '4m')
        wumai_sim.run_until_idle()
        assert ended == [(1, LeaseLost, False)]
        assert state(wumai_sim, job_id) == ('finished', 2)

    def test_its_handler_is_interrupted_once_a_second(self, wumai_sim):
        """Where it swallows that: as often as after a timeout, however many heartbeats see it."""
        thrown = []

        def handler(job):
            while len(thrown) < 20:
                try:
                    job.sleep(500)
                except LeaseLost:
                    thrown.append(wumai_sim.clock.monotonic())

        wumai_sim.route(None, {'Act': handler}, lease=6)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        Job.cancel(job_id)
        wumai_sim.advance(60)
        assert [round(b - a, 3) for a, b in pairwise(thrown)] == [1] * 19
        assert len(logged(wumai_sim, 'the lease is lost, the handler is stopped')) == 1

    def test_a_short_one_is_nothing(self, wumai_sim):
        """Within its lease a job stays where it is."""
        wumai_sim.route(None, {'Act': long}, workers=2)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        wumai_sim.stall_worker(wumai_sim.jobs[job_id].tries[0].worker, LEASE * 0.7)
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)

    def test_of_the_rescuer(self, wumai_sim):
        """Its looks are on its own clock, but of rows as they are: it takes no live job."""
        wumai_sim.route(None, {'Act': lambda job: job.sleep(3000)}, workers=2, exec_timeout=9999)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        (other,) = {'w1', 'w2'} - {wumai_sim.jobs[job_id].tries[0].worker}
        for _ in range(5):
            wumai_sim.stall_worker(other, 100)
            wumai_sim.advance(130)
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)


class TestHoldsLease:
    """What a handler asks before what must not be done twice at once."""

    def asked(self, sim, seconds):
        """What it says at each minute of a handler that the database leaves alone."""
        said = []

        def handler(job):
            for _ in range(seconds // 20):
                job.sleep(20)
                said.append(job.holds_lease())

        sim.route(None, {'Act': handler}, exec_timeout=10_000)
        return Job.create('Act'), said

    def test_while_it_is_renewed(self, wumai_sim):
        """Always true."""
        _, said = self.asked(wumai_sim, 600)
        wumai_sim.run_until_idle()
        assert set(said) == {True}

    def test_while_the_database_is_away(self, wumai_sim):
        """True for a lease from the last renewal, then false; true again when it is renewed."""
        job_id, said = self.asked(wumai_sim, 600)
        wumai_sim.advance(100)
        wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 200
        wumai_sim.faults.drop_connections()
        wumai_sim.run_until_idle()
        assert said[:5] == [True] * 5
        lost = [index for index, one in enumerate(said) if not one]
        assert lost == list(range(lost[0], lost[-1] + 1))
        assert (lost[0] + 1) * 20 in range(140, 181)
        assert (lost[-1] + 1) * 20 in range(280, 321)
        assert state(wumai_sim, job_id) == ('finished', 1)


class TestCancel:
    """wumai jobs cancel."""

    def test_and_retried_before_its_handler_has_ended(self, wumai_sim):
        """The worker that claims it anew has two runs of it, each with a token of its own: the
        outcome of the old one changes nothing.
        """

        def handler(job):
            number = len(wumai_sim.jobs[job.id].tries)
            with suppress(LeaseLost):
                job.sleep(100)
            return 'old' if number == 1 else 'new'

        wumai_sim.route(None, {'Act': handler})
        job_id = Job.create('Act')
        wumai_sim.advance(95)
        Job.cancel(job_id)
        Job.retry(job_id)
        wumai_sim.run_until_idle()
        assert wumai_sim.jobs[job_id].result == 'new'
        assert state(wumai_sim, job_id) == ('finished', 1)

    def test_a_running_job(self, wumai_sim):
        """Is cancelled at once, and its handler stopped by the next heartbeat."""
        ended = []

        def handler(job):
            try:
                job.sleep(500)
            finally:
                ended.append(wumai_sim.clock.monotonic())

        wumai_sim.route(None, {'Act': handler})
        job_id = Job.create('Act')
        wumai_sim.advance(100)
        assert Job.cancel(job_id)
        assert (Job.get(job_id).status, Job.get(job_id).error) == ('error', 'cancelled')
        wumai_sim.advance(100)
        assert 100 <= ended[0] <= 100 + LEASE / 3
        assert Job.get(job_id).error == 'cancelled'
        assert len(wumai_sim.slack) == 0

    def test_a_pending_job(self, wumai_sim):
        """Never runs; retried, it does, with all its tries."""
        wumai_sim.route(None, {'Act': long}, workers=0)
        job_id = Job.create('Act')
        assert Job.cancel(job_id)
        wumai_sim.start_worker()
        wumai_sim.advance(100)
        assert wumai_sim.jobs[job_id].tries == []
        assert Job.retry(job_id)
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)


class TestClockSteps:
    """Clocks of hosts may jump; leases do not."""

    @pytest.mark.parametrize('step', [3600, -3600, 70])
    def test_of_a_rescuer(self, wumai_sim, step):
        """It sees leases as over that are not, until it asks the database's time again."""
        wumai_sim.route(None, {'Act': lambda job: job.sleep(3000)}, workers=2, exec_timeout=9999)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        (other,) = {'w1', 'w2'} - {wumai_sim.jobs[job_id].tries[0].worker}
        for _ in range(20):
            wumai_sim.workers[other].clock.skew += step
            wumai_sim.advance(71)
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)

    def test_of_the_worker(self, wumai_sim):
        """Its heartbeats carry a wrong time for up to a minute; the next ones are right."""
        wumai_sim.route(None, {'Act': lambda job: job.sleep(3000)}, workers=1, exec_timeout=9999)
        job_id = Job.create('Act')
        wumai_sim.advance(5)
        wumai_sim.workers['w1'].clock.skew -= 40
        wumai_sim.start_worker('w2')
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)

    @pytest.mark.parametrize('lease', [3, 3.5])
    @pytest.mark.parametrize('phase', [n / 10 for n in range(10)])
    def test_of_a_worker_with_a_short_lease(self, wumai_sim, lease, phase):
        """Two of its heartbeats may fall into one second, and write the same."""
        wumai_sim.route(None, {'Act': long}, lease=lease)
        job_id = Job.create('Act')
        wumai_sim.advance(5 + phase)
        wumai_sim.start_worker('w2')
        wumai_sim.advance(1)
        wumai_sim.workers['w1'].clock.skew -= 20
        wumai_sim.run_until_idle()
        assert state(wumai_sim, job_id) == ('finished', 1)


def test_a_clock_that_is_set_back_time_and_again_costs_no_lease(wumai_sim):
    """Each renewal would bear the same second, as if there had been none."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(40)}, lease=6, workers=2)
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    owner = wumai_sim.workers[wumai_sim.jobs[job_id].tries[0].worker]
    for _ in range(50):
        wumai_sim.advance(0.5)
        owner.clock.skew -= 0.5
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 1)


def test_a_rescue_looks_again_and_again(wumai_sim):
    """A database that answers only twice, a third of a lease apart, proves nothing: the workers
    that hold the jobs may have been cut off as well.
    """
    wumai_sim.route(None, {'Act': lambda job: job.sleep(5000)}, workers=2, exec_timeout=9999)
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    owner = wumai_sim.jobs[job_id].tries[0].worker
    (other,) = {'w1', 'w2'} - {owner}
    sql(wumai_sim, "UPDATE job SET updated = '2025-12-31 00:00:00'")  # as if long cut off
    # The owner stands still, the other is cut off but for a moment in each third of a lease.
    wumai_sim.stall_worker(owner, 100)
    for _ in range(4):
        wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 19
        wumai_sim.faults.drop_connections(wumai_sim.workers[other].process)
        wumai_sim.advance(20)
    assert wumai_sim.jobs[job_id].tries[0].ended is None
    wumai_sim.run_until_idle()


@pytest.mark.parametrize('fault', ['deadlock', 'lost_before_commit'])
def test_a_heartbeat_that_failed_beats_again_at_once(wumai_sim, fault):
    """Where a clock is wrong, a rescuer gives it no more than a third of a lease."""
    wumai_sim.route(None, {'Act': long})
    job_id = Job.create('Act')
    wumai_sim.advance(LEASE * 0.8 / 3 - 0.5)
    wumai_sim.database_next(fault, by='w1')
    wumai_sim.advance(1)
    assert logged(wumai_sim, 'were not renewed')
    assert Job.get(job_id).updated > Job.get(job_id).created


def test_a_rescue_in_doubt_is_told_before_a_stop(wumai_sim):
    """No turn follows in which it would be."""
    wumai_sim.route(None, {'Act': long})
    Job.create('Act')
    wumai_sim.advance(1)
    wumai_sim.crash_worker('w1')
    wumai_sim.start_worker('w2')
    two = wumai_sim.workers['w2']
    wumai_sim.database_next('lost_after_commit', by='w2')
    wumai_sim.faults.report = lambda *_: two.worker.stop()
    wumai_sim.run_until(lambda: not two.alive, within='10m')
    assert two.exit_code == 0
    assert 'worker lost; next try' in wumai_sim.slack[0].text


def test_deadlocks_hold_up_no_rescue(wumai_sim):
    """Where workers on several nodes of a cluster collide, there is always one: it is an answer."""
    wumai_sim.route(None, {'Act': long, 'Short': lambda job: None}, workers=1)
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    wumai_sim.crash_worker('w1')
    wumai_sim.start_worker('w2')
    for _ in range(40):
        wumai_sim.faults.pending.append(('deadlock', wumai_sim.workers['w2'].process))
        Job.create('Short')
        wumai_sim.advance(7)  # some looks, too, which are a third of a lease apart, meet none
    assert wumai_sim.jobs[job_id].tries[0].ended < 2 * LEASE


def test_a_hundred_lost_jobs(wumai_sim):
    """Are taken back in one go."""
    wumai_sim.route(None, {'Act': lambda job: None}, exec_size=100, pick_size=100)
    sql(
        wumai_sim,
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)'
        " INSERT INTO job (id, action, status) SELECT 'job-' || i, 'Act', 'running' FROM n",
    )
    wumai_sim.run_until_idle(within='2m')
    assert {state(wumai_sim, one) for one in wumai_sim.jobs} == {('finished', 1)}
    assert all(starts(wumai_sim, one)[0] < 60 for one in wumai_sim.jobs)
