"""A database that is away or does not answer makes nobody take a live job back."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.worker.conftest import logged, state
from wumai.job import Expired
from wumai.model import Job
from wumai.store.db_errors import Busy, InDoubt, Unavailable
from wumai.worker.rescue import Rescuer
from wumai.worker.running import Running
from wumai_testing.simulation import START

LEASE = 60.0


@pytest.mark.parametrize('fault', ['database_hang', 'database_down', 'database_read_only'])
def test_an_outage_makes_nobody_rescue_a_live_job(wumai_sim, fault):
    """Though it lasts for several leases."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(400)}, workers=0)
    for name in ('w1', 'w2', 'w3'):
        wumai_sim.start_worker(name, exec_size=1)
    ids = [Job.create('Act'), Job.create('Act')]
    wumai_sim.advance(70)
    getattr(wumai_sim, fault)('5m')
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, job_id) for job_id in ids] == [('finished', 1)] * 2
    assert not logged(wumai_sim, 'rescued from')


def test_writes_that_are_taken_again_are_heartbeats_first(wumai_sim):
    """Not the rescue by a worker that has only looked until then."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(400)}, workers=0)
    for name in ('w1', 'w2', 'w3'):
        wumai_sim.start_worker(name, exec_size=1)
    ids = [Job.create('Act'), Job.create('Act')]
    wumai_sim.advance(70)
    wumai_sim.database_read_only('168s')
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, job_id) for job_id in ids] == [('finished', 1)] * 2


@pytest.mark.parametrize('fault', ['database_hang', 'database_down', 'database_read_only'])
def test_five_minutes_without_a_database(wumai_sim, fault):
    """Outcomes are kept, a stop is heard meanwhile, and all is written within two polls."""
    wumai_sim.route(
        None, {'Act': lambda job: job.sleep(job.params['seconds'])}, workers=0, grace=400
    )
    for name in ('w1', 'w2', 'w3'):
        wumai_sim.start_worker(name, exec_size=1)
    ids = [Job.create('Act', params={'seconds': seconds}) for seconds in (100, 200, 500)]
    wumai_sim.advance(70)
    getattr(wumai_sim, fault)('5m')
    wumai_sim.advance(60)
    assert wumai_sim.stop_worker(wumai_sim.jobs[ids[0]].tries[0].worker) == 0
    (heard,) = [line.at for line in wumai_sim.logs if 'stopping: 0 jobs' in line.message]
    assert heard == datetime(2026, 1, 1, 0, 2, 10)
    wumai_sim.advance(70 + 5 * 60 + 2 * 2 - wumai_sim.clock.monotonic())
    assert [state(wumai_sim, job_id)[0] for job_id in ids] == ['finished', 'finished', 'running']
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, job_id) for job_id in ids] == [('finished', 1)] * 3
    assert not logged(wumai_sim, 'rescued from')


def test_a_claim_that_was_cut_off_is_no_collision(wumai_sim):
    """What was drawn for it comes later; a worker that is alone keeps to the order of due times."""
    begun = []

    def act(job):
        begun.append(job.params['due'])
        job.sleep(2)

    wumai_sim.route(None, {'Act': act}, workers=0, exec_size=1)
    for due in (9, 7, 5):
        Job.create('Act', params={'due': due}, run_at=START + timedelta(seconds=due))
    wumai_sim.advance(20)
    wumai_sim.start_worker('w1')
    wumai_sim.faults.pending += [('lost_before_commit', wumai_sim.workers['w1'].process)] * 2
    wumai_sim.run_until_idle()
    assert begun == [9, 5, 7]


def test_a_database_that_only_reads(wumai_sim, monkeypatch):
    """As a replica does after a failover: it is waited for as one that is away, and logged so."""
    wumai_sim.route(None, {'Act': lambda job: None})
    wumai_sim.advance(5)
    store = wumai_sim.workers['w1'].runtime.worker_store
    claim, asked = store.claim, []

    def refuse(*_):
        asked.append(wumai_sim.clock.monotonic())
        raise Unavailable('1290: --read-only')

    monkeypatch.setattr(store, 'claim', refuse)
    job_id = Job.create('Act')
    wumai_sim.advance(150)
    assert 60 < len(asked) < 120
    assert len(logged(wumai_sim, '--read-only: no jobs can be claimed')) == 3
    assert not logged(wumai_sim, 'the database answers again')
    monkeypatch.setattr(store, 'claim', claim)
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert len(logged(wumai_sim, 'the database answers again')) == 1


def test_a_database_that_only_reads_is_not_said_to_answer_again(wumai_sim):
    """Though nothing is due, and the worker that holds a job is alone."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(400)})
    Job.create('Act')
    wumai_sim.advance(5)
    wumai_sim.database_read_only('4m')
    wumai_sim.advance(239)
    assert not logged(wumai_sim, 'the database answers again')
    wumai_sim.advance(20)
    assert logged(wumai_sim, 'the database answers again')


def test_a_row_that_is_locked_keeps_its_own_outcome_waiting(wumai_sim, monkeypatch):
    """Those that would be written with it are not kept for longer than two attempts."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(5)})
    ids = Job.create_many({'action': 'Act'} for _ in range(4))
    wumai_sim.advance(1)
    store = wumai_sim.workers['w1'].runtime.worker_store
    write, until = store.write, wumai_sim.clock.monotonic() + 60

    def locked(outcomes, now):
        if wumai_sim.clock.monotonic() < until and any(one.id == ids[1] for one in outcomes):
            raise Busy('1205: lock wait timeout')
        return write(outcomes, now)

    monkeypatch.setattr(store, 'write', locked)
    wumai_sim.advance(10)
    statuses = [state(wumai_sim, one)[0] for one in ids]
    assert statuses == ['finished', 'running', 'finished', 'finished']
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, one) for one in ids] == [('finished', 1)] * 4


def test_a_commit_that_comes_through_after_it_was_asked_about(wumai_sim, monkeypatch):
    """A slow server may store an outcome when its worker writes it anew: it is not dropped."""
    wumai_sim.route(None, {'Act': lambda job: 1 / 0})
    wumai_sim.advance(5)
    store = wumai_sim.workers['w1'].runtime.worker_store
    write, attempts = store.write, []

    def late(outcomes, now):
        attempts.append(outcomes)
        if len(attempts) == 1:
            raise InDoubt('no answer to the commit')
        write(attempts[0], now)
        return write(outcomes, now)

    monkeypatch.setattr(store, 'write', late)
    job_id = Job.create('Act', try_max=1)
    wumai_sim.run_until_idle()
    assert (len(attempts), state(wumai_sim, job_id)) == (2, ('error', 1))
    assert len(wumai_sim.slack) == 1
    assert not logged(wumai_sim, 'is dropped')


class _SlowStore:
    """Answers after as many seconds as it is told to."""

    def __init__(self) -> None:
        self.time = 0.0
        self.look_takes = 0.0
        self.rescue_takes = 0.0
        self.rescued = 0
        self.locked = False

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12)

    def expired(self, *_):
        self.time += self.look_takes
        return [Expired('job-1', 'token', None, 'Act', 3, 1)]

    def rescue(self, _row, _before, _now, in_time):
        if self.locked:
            raise Busy('1205: lock wait timeout')
        self.time += self.rescue_takes
        self.rescued += in_time()
        return in_time()


@pytest.fixture
def store():
    return _SlowStore()


@pytest.fixture
def rescuer(store):
    notifier = SimpleNamespace(failed=lambda _: None)
    runtime = SimpleNamespace(worker_store=store, clock=store, notifier=notifier)
    return Rescuer(runtime, Running(places=1), LEASE)


def looks_until(rescuer, store, end):
    """Look once a second, and at `end`."""
    while store.time < end:
        rescuer.look()
        store.time = min(store.time + 1, end)
    rescuer.look()


def test_a_row_is_rescued_when_it_has_not_changed(store, rescuer):
    """For a third of a lease."""
    looks_until(rescuer, store, 19.5)
    assert store.rescued == 0
    looks_until(rescuer, store, 20.5)
    assert store.rescued == 1


def test_the_time_until_a_look_is_answered_does_not_count(store, rescuer):
    """The database may have kept the heartbeats of a live job waiting as long."""
    store.look_takes = 19
    rescuer.look()
    store.look_takes = 0
    looks_until(rescuer, store, 38.5)
    assert store.rescued == 0
    looks_until(rescuer, store, 39)
    assert store.rescued == 1


def test_the_time_between_two_looks_may_hide_an_outage(store, rescuer):
    """It may have held up a heartbeat as well, so it is added to what is waited for."""
    looks_until(rescuer, store, 16)
    store.time = 20
    looks_until(rescuer, store, 22.5)
    assert store.rescued == 0
    looks_until(rescuer, store, 23)
    assert store.rescued == 1


def test_a_late_answer_makes_what_was_seen_before_worthless(store, rescuer):
    """All of it begins anew."""
    looks_until(rescuer, store, 19)
    store.time, store.look_takes = 20, 10
    rescuer.look()
    store.look_takes = 0
    looks_until(rescuer, store, 49)
    assert store.rescued == 0
    looks_until(rescuer, store, 50)
    assert store.rescued == 1


def test_a_rescue_that_takes_long_is_not_committed(store, rescuer):
    """Nor is the row looked at as seen before."""
    store.rescue_takes = 10
    looks_until(rescuer, store, 20)
    assert (store.rescued, store.time) == (0, 30)
    store.rescue_takes = 0
    looks_until(rescuer, store, 59)
    assert store.rescued == 0
    looks_until(rescuer, store, 61)
    assert store.rescued == 1


def test_a_locked_row_is_watched_anew(store, rescuer):
    """Its worker may be the one that writes it, and would have to wait its turn for the lock."""
    store.locked = True
    with pytest.raises(Busy):
        looks_until(rescuer, store, 21)
    store.locked = False
    looks_until(rescuer, store, 39.5)
    assert store.rescued == 0
    looks_until(rescuer, store, 40.5)
    assert store.rescued == 1
