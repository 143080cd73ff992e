"""A handler that cannot be ended costs its worker, and nothing more."""

import pytest

from tests.worker.conftest import logged, state
from wumai.job import Claim
from wumai.model import Job
from wumai.worker.actions import Actions
from wumai.worker.executor import Executor
from wumai.worker.heartbeat import Leases
from wumai.worker.running import Running
from wumai.worker.writer import OutcomeWriter

TIMEOUT, GRACE, LEASE = 60, 25, 60


def stubborn(job):
    while True:
        try:
            job.sleep(1000)
        except BaseException:
            continue


def start(sim, **others):
    options = {'exec_timeout': TIMEOUT, 'grace': GRACE, 'lease': LEASE}
    sim.route(None, {'Act': stubborn, **others}, **options)


def await_exit(sim):
    """Let time pass until w1 has left; the seconds it took."""
    began = sim.clock.monotonic()
    sim.run_until(lambda: sim.workers['w1'].exit_code is not None, within='10m')
    return sim.clock.monotonic() - began


def test_the_process_leaves(wumai_sim):
    """With exit code 75, after exec_timeout + grace; its timeout is written and told."""
    start(wumai_sim)
    job_id = Job.create('Act')
    took = await_exit(wumai_sim)
    assert wumai_sim.workers['w1'].exit_code == 75
    assert TIMEOUT + GRACE <= took <= TIMEOUT + GRACE + LEASE / 3
    assert state(wumai_sim, job_id) == ('pending', 1)
    assert Job.get(job_id).error == 'timeout: the try could not be ended 25 s after exec_timeout'
    (message,) = wumai_sim.slack
    assert 'try 1 of 3 failed: timeout' in message.text
    (line,) = logged(wumai_sim, 'does not end, the process leaves with 75')
    assert 'in stubborn' in line


def test_its_neighbours_are_handed_back(wumai_sim):
    """Due at once, their tries counted and told; one without a try left gives up."""
    start(wumai_sim, Other=lambda job: job.sleep(50))
    overdue = Job.create('Act')
    wumai_sim.advance(TIMEOUT)
    other, last = Job.create('Other'), Job.create('Other', try_max=1)
    await_exit(wumai_sim)
    now = wumai_sim.clock.now()
    assert state(wumai_sim, overdue) == ('pending', 1)
    assert (state(wumai_sim, other), Job.get(other).error) == (('pending', 1), 'worker lost')
    assert Job.get(other).run_at <= now
    assert (state(wumai_sim, last), Job.get(last).error) == (('error', 1), 'worker lost')
    assert any('worker lost; gave up' in one.text for one in wumai_sim.slack)
    assert len(wumai_sim.slack) == 3
    wumai_sim.start_worker('w2')
    wumai_sim.run_until(lambda: state(wumai_sim, other)[0] == 'finished', within='2m')


def test_its_neighbours_are_stopped(wumai_sim):
    """Before others run their jobs, and nothing is claimed any more: a channel that hangs keeps the
    process for some seconds.
    """
    seen = []

    def neighbour(job):
        while True:
            seen.append((wumai_sim.clock.current_node, wumai_sim.clock.monotonic()))
            job.sleep(0.5)

    wumai_sim.slack.hang('5h')
    start(wumai_sim, Other=neighbour)
    Job.create('Act')
    wumai_sim.advance(TIMEOUT)
    Job.create('Other')
    wumai_sim.advance(3)
    wumai_sim.start_worker('w2')
    await_exit(wumai_sim)
    wumai_sim.advance(10)
    first = seen[0][0]
    last = max(at for node, at in seen if node is first)
    begun = min(at for node, at in seen if node is not first)
    assert last < begun < wumai_sim.clock.monotonic() - 10, 'it is begun before w1 has left'


def test_a_claim_that_was_in_doubt_for_long(wumai_sim):
    """Its time counts from its beginning, also where a heartbeat comes before its handler runs."""
    start(wumai_sim)
    wumai_sim.advance(1)
    w1 = wumai_sim.workers['w1']
    options, running = w1.worker.options, Running(places=1)
    writer = OutcomeWriter(w1.runtime, running)
    claim = Claim('job-1', 'token', 'Act', None, None, None, 600, 3, 1)
    executor = Executor(w1.runtime, options, Actions(), running, writer)
    executor.start([claim], claimed=wumai_sim.clock.monotonic() - 1000)
    leases = Leases(w1.runtime, options, running, writer, stop_claims=lambda: None)
    leases.beat(w1.runtime.worker_store)
    assert w1.alive


def test_outcomes_on_their_way_are_written(wumai_sim, monkeypatch):
    """And told: the database may take them from the heartbeat's connection alone."""
    from wumai.store.db_errors import Unavailable

    def fail(job):
        job.sleep(20)
        raise ValueError('no')

    start(wumai_sim, Fail=fail, Fine=lambda job: 'done')
    Job.create('Act')
    wumai_sim.advance(TIMEOUT + 10)
    store = wumai_sim.workers['w1'].runtime.worker_store

    def away(*_):
        raise Unavailable('only for the worker')

    monkeypatch.setattr(store, 'write', away)
    failing, fine = Job.create('Fail', try_max=1), Job.create('Fine')
    await_exit(wumai_sim)
    assert (state(wumai_sim, failing), state(wumai_sim, fine)) == (('error', 1), ('finished', 1))
    assert [one.text for one in wumai_sim.slack if 'ValueError: no; gave up' in one.text]


@pytest.mark.parametrize('stored', [True, False])
def test_an_outcome_in_doubt_is_told_once(wumai_sim, monkeypatch, stored):
    """By the watchdog, whether its commit came through or not, though the worker learns of it."""
    from wumai.store.db_errors import InDoubt, Unavailable

    def fail(job):
        job.sleep(20)
        raise ValueError('no')

    start(wumai_sim, Fail=fail)
    wumai_sim.slack.latency = 5  # so that the worker has the time to ask
    Job.create('Act')
    wumai_sim.advance(TIMEOUT + 10)
    store = wumai_sim.workers['w1'].runtime.worker_store
    write, written = store.write, store.written

    def doubtful(outcomes, now):
        if stored:
            write(outcomes, now)
        raise InDoubt('no answer to the commit')

    def ask(outcomes):
        if wumai_sim.clock.monotonic() < left_at:
            raise Unavailable('only for the worker')
        return written(outcomes)

    monkeypatch.setattr(store, 'write', doubtful)
    monkeypatch.setattr(store, 'written', ask)
    left_at = float('inf')
    failing = Job.create('Fail', try_max=1)
    wumai_sim.run_until(lambda: logged(wumai_sim, 'the process leaves with 75'), within='10m')
    left_at = wumai_sim.clock.monotonic() + 0.001
    wumai_sim.advance(30)
    assert state(wumai_sim, failing) == ('error', 1)
    for channel in (wumai_sim.slack, wumai_sim.sms):
        assert len([one for one in channel if 'ValueError: no; gave up' in one.text]) == 1


@pytest.fixture
def cut_off(monkeypatch):
    """What the first commit of outcomes stored, to which no answer comes."""
    from wumai.store.db_errors import InDoubt
    from wumai.store.sql import SqlStore

    real, cut_off = SqlStore.write, []

    def doubtful(self, outcomes, now):
        written = real(self, outcomes, now)
        if not cut_off:
            cut_off.append(written)
            raise InDoubt('no answer to the commit')
        return written

    monkeypatch.setattr(SqlStore, 'write', doubtful)
    return cut_off


def test_its_own_doubtful_commit_is_told(wumai_sim, cut_off):
    """It asks what has become of it."""
    start(wumai_sim)
    job_id = Job.create('Act', try_max=1)
    await_exit(wumai_sim)
    assert cut_off == [{job_id}]
    assert [one.text for one in wumai_sim.slack if 'gave up' in one.text]


@pytest.mark.parametrize('offset', [0, 0.3])
def test_neighbours_of_a_doubtful_commit_are_told(wumai_sim, cut_off, offset):
    """Also where it leaves in the midst of a second, which no column holds."""
    wumai_sim.advance(offset)
    start(wumai_sim, Other=lambda job: job.sleep(50))
    Job.create('Act')
    wumai_sim.advance(TIMEOUT)
    Job.create('Other')
    await_exit(wumai_sim)
    assert len(cut_off[0]) == 2
    assert [one.text for one in wumai_sim.slack if 'worker lost' in one.text]


def test_one_that_cannot_be_written_costs_itself(wumai_sim, monkeypatch):
    """The others are written one by one."""
    from wumai.store.db_errors import Rejected
    from wumai.store.sql import SqlStore

    start(wumai_sim, Other=lambda job: job.sleep(50))
    overdue = Job.create('Act')
    wumai_sim.advance(TIMEOUT)
    others = [Job.create('Other') for _ in range(3)]
    real = SqlStore.write

    def picky(self, outcomes, now):
        if any(outcome.id == others[1] for outcome in outcomes):
            raise Rejected('not this one')
        return real(self, outcomes, now)

    monkeypatch.setattr(SqlStore, 'write', picky)
    await_exit(wumai_sim)
    states = [state(wumai_sim, one)[0] for one in (overdue, *others)]
    assert states == ['pending', 'pending', 'running', 'pending']
    assert len(wumai_sim.slack) == 3


def test_without_a_database(wumai_sim):
    """It leaves all the same; nothing is told that is not stored, and others rescue."""
    start(wumai_sim)
    job_id = Job.create('Act', try_max=1)
    wumai_sim.advance(TIMEOUT + 10)
    wumai_sim.faults.down_until = wumai_sim.clock.monotonic() + 100
    wumai_sim.faults.drop_connections()
    await_exit(wumai_sim)
    assert (wumai_sim.workers['w1'].exit_code, len(wumai_sim.slack)) == (75, 0)
    wumai_sim.advance(200)
    wumai_sim.start_worker('w2')
    wumai_sim.run_until_idle()
    assert (state(wumai_sim, job_id), Job.get(job_id).error) == (('error', 1), 'worker lost')
    assert len(wumai_sim.slack) == 1


@pytest.mark.parametrize('seconds', [0, 10, 24])
def test_cleanup_within_grace_is_waited_for(wumai_sim, seconds):
    """It is no reason to leave."""
    import contextlib

    from wumai.job import Interrupt

    def handler(job):
        try:
            job.sleep(1000)
        finally:
            until = wumai_sim.clock.monotonic() + seconds
            while wumai_sim.clock.monotonic() < until:
                with contextlib.suppress(Interrupt):
                    job.sleep(until - wumai_sim.clock.monotonic())

    start(wumai_sim, Slow=handler)
    job_id = Job.create('Slow', try_max=1)
    wumai_sim.run_until_idle()
    assert wumai_sim.workers['w1'].alive
    assert Job.get(job_id).error.startswith('timeout: the try ran past exec_timeout')


def test_try_max_workers_and_no_more(wumai_sim):
    """A job that can never be ended ends in error."""
    start(wumai_sim)
    job_id = Job.create('Act', try_period=10, try_max=3)
    await_exit(wumai_sim)
    for _ in range(2):
        wumai_sim.start_worker('w1')
        await_exit(wumai_sim)
    assert state(wumai_sim, job_id) == ('error', 3)
    assert ['gave up' in one.text for one in wumai_sim.slack] == [False, False, True]
