"""The graceful stop: after it no job of that worker is running."""

import contextlib

import gevent
import pytest

from tests.worker.conftest import logged, put_plain, state
from wumai.job import Stopped
from wumai.model import Job


@pytest.fixture
def exits(wumai_sim):
    """Stops w1; its exit code and how long it took."""

    def stop():
        began = wumai_sim.clock.monotonic()
        code = wumai_sim.stop_worker('w1')
        return code, wumai_sim.clock.monotonic() - began

    return stop


def test_an_idle_worker(wumai_sim, exits):
    """Exits at once."""
    wumai_sim.route(None, {'Act': lambda job: None})
    wumai_sim.advance(10)
    code, took = exits()
    assert (code, took < 0.1) == (0, True)


def test_handlers_that_end_within_grace(wumai_sim, exits):
    """Finish; nothing new is begun."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(20)}, exec_size=2)
    ids = Job.create_many({'action': 'Act'} for _ in range(4))
    wumai_sim.advance(5)
    code, took = exits()
    assert (code, took) == (0, pytest.approx(15, abs=0.1))
    assert sorted(state(wumai_sim, one) for one in ids) == [
        ('finished', 1), ('finished', 1), ('pending', 0), ('pending', 0),
    ]  # fmt: skip


def test_a_handler_that_ends_while_messages_are_sent(wumai_sim, exits):
    """Its outcome counts as well: where it cannot be written, the exit code says so."""

    def slow(job):
        until = wumai_sim.clock.monotonic() + 9
        while (left := until - wumai_sim.clock.monotonic()) > 0:
            with contextlib.suppress(Stopped):
                job.sleep(left)

    wumai_sim.slack.hang('1h')
    wumai_sim.route(None, {'Slow': slow, 'Fail': lambda job: 1 / 0}, grace=1)
    Job.create('Fail')
    job_id = Job.create('Slow')
    wumai_sim.advance(4)
    wumai_sim.database_down('1h')
    code, took = exits()
    assert (code, took) == (1, pytest.approx(8, abs=0.1))  # grace, cleanup and the messages' 5 s
    wumai_sim.faults.down_until = 0
    assert state(wumai_sim, job_id) == ('running', 1)


def test_handlers_that_do_not(wumai_sim, exits):
    """Are interrupted, and released: due as before, the try not counted, nobody told."""
    raised = []

    def handler(job):
        try:
            job.sleep(500)
        except BaseException as error:
            raised.append(type(error))
            raise

    wumai_sim.route(None, {'Act': handler})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    code, took = exits()
    assert (code, took) == (0, pytest.approx(25, abs=0.1))
    assert raised == [Stopped]
    assert state(wumai_sim, job_id) == ('pending', 0)
    assert Job.get(job_id).run_at == wumai_sim.timeline.start
    assert len(wumai_sim.slack) == 0
    assert wumai_sim.jobs[job_id].tries[0].status == 'released'


def test_cleanup_has_two_seconds(wumai_sim, exits):
    """And is not cut short within them."""
    cleaned = []

    def handler(job):
        try:
            job.sleep(500)
        finally:
            for _ in range(3):
                gevent.sleep(0.3)
            cleaned.append(wumai_sim.clock.monotonic())

    wumai_sim.route(None, {'Act': handler})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    assert exits() == (0, pytest.approx(25.9, abs=0.1))
    assert cleaned == [pytest.approx(30.9, abs=0.1)]
    assert state(wumai_sim, job_id) == ('pending', 0)


def test_a_handler_that_swallows_it(wumai_sim, exits):
    """Is released all the same, and what it does later counts for nothing."""

    def handler(job):
        while True:
            try:
                job.sleep(500)
            except BaseException:
                continue

    wumai_sim.route(None, {'Act': handler})
    job_id = Job.create('Act', try_max=1)
    wumai_sim.advance(5)
    assert exits() == (0, pytest.approx(27, abs=0.1))
    assert state(wumai_sim, job_id) == ('pending', 0)
    assert logged(wumai_sim, 'does not end: released all the same')


@pytest.mark.parametrize('returns', [True, False])
def test_a_handler_that_ends_in_its_cleanup(wumai_sim, exits, returns):
    """Whatever it returns or raises then: it was interrupted."""

    def handler(job):
        try:
            job.sleep(500)
        except BaseException:
            if not returns:
                raise ValueError('because of the stop') from None
        return 'done'

    wumai_sim.route(None, {'Act': handler})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    exits()
    assert state(wumai_sim, job_id) == ('pending', 0)


def test_a_timeout_before_the_stop(wumai_sim, exits):
    """Stays a timeout, its try counted, also where the handler swallows that as well. (With so
    long a lease no heartbeat comes before the stop is done, to end the process for it.)
    """

    def handler(job):
        while True:
            try:
                job.sleep(500)
            except BaseException:
                continue

    wumai_sim.route(None, {'Act': handler}, exec_timeout=60, lease=900)
    job_id = Job.create('Act')
    wumai_sim.advance(70)
    code, _ = exits()
    assert code == 0
    assert state(wumai_sim, job_id) == ('pending', 1)
    assert Job.get(job_id).error.startswith('timeout')


def test_a_lost_lease_before_the_stop(wumai_sim, exits):
    """Writes nothing: the job is not ours."""

    def handler(job):
        while True:
            try:
                job.sleep(500)
            except BaseException:
                continue

    wumai_sim.route(None, {'Act': handler})
    job_id = Job.create('Act')
    wumai_sim.advance(70)
    Job.cancel(job_id)
    wumai_sim.advance(30)
    code, _ = exits()
    assert code == 0
    assert (Job.get(job_id).status, Job.get(job_id).error) == ('error', 'cancelled')


@pytest.mark.parametrize('grace', [0, 3])
def test_any_grace(wumai_sim, exits, grace):
    """It is waited for no longer."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(500)}, grace=grace)
    Job.create('Act')
    wumai_sim.advance(5)
    assert exits() == (0, pytest.approx(grace, abs=0.1))


@pytest.mark.parametrize(('latency', 'grace'), [(0.2, 25), (0.05, 0)])
@pytest.mark.parametrize('delay', [0.1 * n for n in range(50)])
def test_a_stop_at_any_moment(wumai_sim, exits, delay, latency, grace):
    """Of a worker whose database is slow: no row stays running, no unrun try is counted. A claim
    that arrives meanwhile is handed back.
    """
    ran = []
    wumai_sim.faults.latency = lambda node: latency if node.startswith('w1') else 0.0
    wumai_sim.route(None, {'Act': lambda job: ran.append(job.id)}, pick_size=2, grace=grace)
    ids = Job.create_many({'action': 'Act'} for _ in range(4))
    wumai_sim.advance(delay)
    code, took = exits()
    assert (code, took < 10) == (0, True)
    for one in ids:
        assert state(wumai_sim, one) == (('finished', 1) if one in ran else ('pending', 0))


def test_the_database_is_away(wumai_sim, exits):
    """Outcomes cannot be written: exit code 1, and the leases are left to end."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(10)})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 600
    wumai_sim.faults.drop_connections()
    code, took = exits()
    assert (code, took <= 28) == (1, True)
    wumai_sim.advance(600)
    wumai_sim.start_worker('w2')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 2)


def test_the_database_comes_back(wumai_sim, exits):
    """Within the grace: all is written, exit code 0."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(10)})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 20
    wumai_sim.faults.drop_connections()
    code, took = exits()
    assert (code, took <= 25) == (0, True)
    assert state(wumai_sim, job_id) == ('finished', 1)


def test_a_claim_in_doubt_at_the_end(wumai_sim, exits):
    """The database never answered what became of it: exit code 1."""
    ran = []
    wumai_sim.route(None, {'Act': lambda job: ran.append(1)})
    wumai_sim.advance(5)
    report = wumai_sim.faults.report

    def then_down(fault, node):
        report(fault, node)
        wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 120

    wumai_sim.faults.report = then_down
    wumai_sim.faults.pending.append(('lost_after_commit', wumai_sim.workers['w1'].process))
    put_plain(wumai_sim)
    wumai_sim.run_until(lambda: wumai_sim.faults.pending == [], within=60)
    code, _ = exits()
    assert (code, ran) == (1, [])
    wumai_sim.start_worker('w2')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, 'job-1') == ('finished', 2)


def test_a_stop_before_the_database_was_reached(wumai_sim, exits):
    """Exit code 1."""
    wumai_sim.faults.down_until = 600.0
    wumai_sim.faults.drop_connections()
    wumai_sim.route(None, {'Act': lambda job: None})
    wumai_sim.advance(10)
    assert exits() == (1, pytest.approx(0, abs=0.1))


def test_messages_are_sent_before_the_exit(wumai_sim, exits):
    """Those of tries that failed in the last moment."""

    def fail(job):
        job.sleep(10)
        raise ValueError('no')

    wumai_sim.slack.latency = 2.0
    wumai_sim.route(None, {'Act': fail})
    Job.create('Act')
    wumai_sim.advance(9.5)
    assert exits()[0] == 0
    assert len(wumai_sim.slack) == 1


def test_a_channel_that_hangs_does_not_hold_it_up_for_long(wumai_sim, exits):
    """It has five seconds."""

    def fail(job):
        raise ValueError('no')

    wumai_sim.slack.hang('5h')
    wumai_sim.route(None, {'Act': fail})
    Job.create('Act')
    wumai_sim.advance(1)
    code, took = exits()
    assert (code, took <= 8) == (0, True)


def test_nobody_runs_what_still_runs_here(wumai_sim, exits):
    """A handler that does not end is released when all else is done: a channel that hangs does
    not make it overlap its next try.
    """
    seen = []

    def handler(job):
        while True:
            seen.append((job.trys, wumai_sim.clock.current_node, wumai_sim.clock.monotonic()))
            try:
                job.sleep(0.5)
            except BaseException:
                continue

    def fail(job):
        raise ValueError('no')

    wumai_sim.slack.hang('5h')
    wumai_sim.route(None, {'Act': handler, 'Fail': fail}, grace=3)
    job_id = Job.create('Act')
    Job.create('Fail', try_max=1)
    wumai_sim.advance(5)
    wumai_sim.start_worker('w2')
    code, took = exits()
    assert (code, took) == (0, pytest.approx(3 + 2 + 5, abs=0.1))
    wumai_sim.advance(5)
    (left,) = {node for _, node, _ in seen[:1]}
    last = max(at for _, node, at in seen if node is left)
    assert all(at > last for _, node, at in seen if node is not left)
    assert wumai_sim.jobs[job_id].tries[-1].worker == 'w2'


def test_others_take_over_at_once(wumai_sim, exits):
    """A released job is due: it does not wait for a lease."""
    wumai_sim.route(None, {'Act': lambda job: job.sleep(100)})
    job_id = Job.create('Act')
    wumai_sim.advance(5)
    wumai_sim.start_worker('w2')
    exits()
    stopped = wumai_sim.clock.monotonic()
    wumai_sim.run_until_idle()
    _, second = wumai_sim.jobs[job_id].tries
    assert (second.worker, second.began - stopped < 3) == ('w2', True)
    assert state(wumai_sim, job_id) == ('finished', 1)
