"""A try that runs past exec_timeout is interrupted, and fails as a timeout."""

import contextlib

import gevent
import pytest

from tests.worker.conftest import state
from wumai.job import GiveUp, Interrupt, RunLater, TryTimeout
from wumai.model import Job

MESSAGE = 'timeout: the try ran past exec_timeout (60 s)'


def run(sim, handler, **job):
    """Run one job with exec_timeout 60 to its end; its id."""
    sim.route(None, {'Act': handler}, exec_timeout=60)
    job_id = Job.create('Act', **{'try_max': 1, **job})
    sim.run_until_idle()
    return job_id


def lengths(sim, job_id):
    """Seconds from the beginning of each try to its outcome."""
    return [one.ended - one.began for one in sim.jobs[job_id].tries]


def test_it_is_interrupted(wumai_sim):
    """After exec_timeout, and it is retried like any failure."""
    job_id = run(wumai_sim, lambda job: job.sleep(1000), try_max=3)
    assert wumai_sim.jobs[job_id].tries == [('error', '0s'), ('error', '11m'), ('error', '22m')]
    assert lengths(wumai_sim, job_id) == pytest.approx([60, 60, 60])
    assert Job.get(job_id).error == MESSAGE


@pytest.mark.parametrize(('seconds', 'status'), [(59.999, 'finished'), (60, 'error')])
def test_the_edge(wumai_sim, seconds, status):
    """A handler that would end at exec_timeout has run past it."""
    job_id = run(wumai_sim, lambda job: job.sleep(seconds))
    assert state(wumai_sim, job_id)[0] == status


def test_what_is_raised_in_the_handler(wumai_sim):
    """TryTimeout, which no `except Exception` catches."""
    caught = []

    def handler(job):
        try:
            job.sleep(1000)
        except Exception:
            caught.append('Exception')
        except Interrupt as interrupt:
            caught.append(type(interrupt))
            raise

    run(wumai_sim, handler)
    assert caught == [TryTimeout]


@pytest.mark.parametrize('ends_with', [None, ValueError('other'), GiveUp('x'), RunLater(5)])
def test_a_handler_that_swallows_it_is_failed_all_the_same(wumai_sim, ends_with):
    """Whatever it returns or raises afterwards."""

    def handler(job):
        try:
            job.sleep(1000)
        except BaseException:
            if ends_with:
                raise ends_with from None
        return 'done'

    job_id = run(wumai_sim, handler)
    assert Job.get(job_id).error == MESSAGE


def test_it_is_interrupted_again_each_second(wumai_sim):
    """Until it ends."""
    at = []

    def handler(job):
        while len(at) < 4:
            try:
                job.sleep(1000)
            except BaseException:
                at.append(wumai_sim.clock.monotonic())

    job_id = run(wumai_sim, handler)
    assert at == pytest.approx([60, 61, 62, 63])
    assert lengths(wumai_sim, job_id) == pytest.approx([63])


def test_the_outcome_waits_for_the_cleanup(wumai_sim):
    """It is written when the handler has really ended; the next try is due from then."""

    def handler(job):
        try:
            job.sleep(1000)
        finally:
            for _ in range(5):
                with contextlib.suppress(Interrupt):
                    job.sleep(0.9)

    job_id = run(wumai_sim, handler, try_max=2, try_period=10)
    first, second = wumai_sim.jobs[job_id].tries
    assert first.ended == pytest.approx(62.9)
    assert 0 <= second.began - first.ended - 10 <= 1


def test_a_timeout_of_the_handlers_own_is_not_ours(wumai_sim):
    """gevent's Timeout inside it is an exception like others."""

    def handler(job):
        with gevent.Timeout(5):
            job.sleep(1000)

    job_id = run(wumai_sim, handler)
    assert lengths(wumai_sim, job_id) == pytest.approx([5])
    assert Job.get(job_id).error.startswith('Timeout: 5 seconds')


def test_a_timeout_that_the_handler_handles(wumai_sim):
    """Is its own affair."""

    def handler(job):
        with gevent.Timeout(5, False):
            job.sleep(1000)
        return 'in time'

    assert Job.get(run(wumai_sim, handler)).result == 'in time'


@pytest.mark.parametrize('waits', ['event', 'queue', 'greenlet', 'semaphore'])
def test_wherever_it_waits(wumai_sim, waits):
    """An event, a queue, another greenlet, a lock."""
    from gevent.event import Event
    from gevent.lock import Semaphore
    from gevent.queue import Queue

    wait = {
        'event': lambda: Event().wait(),
        'queue': lambda: Queue().get(),
        'greenlet': lambda: gevent.spawn(gevent.sleep, 1000).join(),
        'semaphore': lambda: Semaphore(0).acquire(),
    }[waits]
    assert Job.get(run(wumai_sim, lambda job: wait())).error == MESSAGE


def test_the_timer_covers_the_handler_only(wumai_sim):
    """Not the writing of its outcome, which may take long."""

    def handler(job):
        job.sleep(59)
        wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 600
        wumai_sim.faults.drop_connections()
        return 'done'

    job_id = run(wumai_sim, handler)
    assert Job.get(job_id).result == 'done'
    assert lengths(wumai_sim, job_id)[0] > 600


def test_a_timeout_leaves_the_others_alone(wumai_sim):
    """Each try has a timer of its own."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(job.params['s'])}, exec_timeout=60)
    ids = [Job.create('Act', params={'s': s}, try_max=1) for s in (30, 100, 59, 61)]
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, one)[0] for one in ids] == ['finished', 'error', 'finished', 'error']


def test_a_job_created_as_the_timeout_strikes(wumai_sim):
    """A connection that is interrupted is thrown away, and the worker's own are never touched."""

    def handler(job):
        while True:
            Job.create('Other')
            job.sleep(0.5)

    wumai_sim.faults.latency = lambda node: 0.05
    wumai_sim.route(None, {'Act': handler, 'Other': lambda job: None}, exec_timeout=7)
    job_id = Job.create('Act', try_max=3, try_period=1)
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('error', 3)
    assert {job.status for job in Job.list(action='Other', limit=1000)} == {'finished'}
