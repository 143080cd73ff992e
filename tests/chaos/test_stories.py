"""Real workers that die, stand still, spin, or have no database: one story each."""

import pytest

from tests.chaos.fleet import now
from tests.waiting import until
from wumai.worker.heartbeat import EXIT_CODE


@pytest.mark.parametrize('how', ['kill', pytest.param('exit', marks=pytest.mark.chaos)])
def test_a_job_that_kills_its_worker_ends_in_error(stage, how):
    """After try_max tries, each on a worker that a process manager has started."""
    job_id = stage.job('Die', how=how, try_max=2)
    others = [stage.job('Step', seconds=0.1) for _ in range(5)]
    stage.fleet.start(stage.url)

    def ended() -> bool:
        if not stage.fleet.living():
            stage.fleet.start(stage.url)
        return stage.row(job_id).status == 'error'

    until(ended, what='the job ends')
    assert (stage.row(job_id).trys, stage.row(job_id).error) == (2, 'worker lost')
    assert len(stage.runs(job_id)) == 2
    for other in others:
        stage.await_status(other, 'finished')


def test_a_late_outcome_changes_nothing(any_stage):
    """A worker stands still past its lease: another runs the job, and its own end is dropped."""
    stage = any_stage
    (frozen,) = stage.fleet.started(stage.url, 1)
    job_id = stage.job('Stubborn', seconds=1)
    stage.await_run(job_id)
    stage.freeze(frozen)
    other = stage.fleet.start(stage.url)
    row = stage.await_status(job_id, 'finished')
    frozen.thaw()
    until(lambda: stage.runs(job_id)[0].end is not None, what='the frozen handler ends')
    until(lambda: 'lease is lost' in frozen.log() or 'is dropped' in frozen.log())
    assert stage.fleet.stop() == [0, 0]
    first, second = stage.runs(job_id)
    assert (first.pid, second.pid) == (frozen.pid, other.pid)
    assert not first.held
    assert stage.row(job_id) == row
    assert f'"pid": {other.pid}' in str(row.result)
    assert row.trys == 2


def test_a_handler_that_spins_ends_its_process(stage):
    """It fails as a timeout and is retried elsewhere; all others keep their leases."""
    (other,) = stage.fleet.started(stage.url, 1, exec_size=1)
    neighbour = stage.job('Stubborn', seconds=8)
    stage.await_run(neighbour)
    (spinner,) = stage.fleet.started(stage.url, 1, exec_timeout=1, grace=1)
    job_id = stage.job('Spin', seconds=20)
    stage.await_run(job_id)
    assert spinner.wait() == EXIT_CODE
    assert (stage.row(job_id).error or '').startswith('timeout: the try could not be ended')
    assert 'in spin' in spinner.log()
    row = stage.await_status(job_id, 'finished')
    assert row.trys == 2
    assert [run.pid for run in stage.runs(job_id)] == [spinner.pid, other.pid]
    stage.await_status(neighbour, 'finished')
    assert len(stage.runs(neighbour)) == 1


def test_jobs_outlive_a_database_that_is_away_for_long(stage, server):
    """Away for several leases: no outcome is lost, no live job rescued, a stop is heard."""
    workers = stage.fleet.started(stage.url, 3, exec_size=1, grace=40)
    ids = [stage.job('Step', seconds=seconds) for seconds in (5.0, 6.0, 16.0)]
    for job_id in ids:
        stage.await_run(job_id)
    server.kill()
    away = now()
    until(lambda: now() - away > 10)
    stopped = next(worker for worker in workers if worker.pid == stage.runs(ids[0])[0].pid)
    stopped.terminate()
    server.start()
    back = now()
    for job_id in ids[:2]:
        stage.await_status(job_id, 'finished')
    seconds = now() - back
    waiting = stage.job('Step', seconds=0)
    stage.await_status(waiting, 'finished')
    stage.await_status(ids[2], 'finished')
    assert stopped.wait() == 0
    assert stage.fleet.stop() == [0, 0]
    assert [len(stage.runs(job_id)) for job_id in ids] == [1, 1, 1]
    assert [stage.row(job_id).trys for job_id in ids] == [1, 1, 1]
    assert 'rescued' not in stage.logs()
    assert seconds < 5, 'two polls, with room for a slow machine'


def test_a_worker_without_a_database_hears_a_stop(stage, server):
    """At once where nothing is unwritten."""
    (worker,) = stage.fleet.started(stage.url, 1)
    server.kill()
    try:
        until(lambda: 'no jobs can be claimed' in _db_log(worker))
        worker.terminate()
        began = now()
        assert worker.wait() == 0
        assert now() - began < 6
    finally:
        server.start()


def _db_log(worker):
    path = worker.output.parent / f'log-{worker.pid}' / 'worker' / 'db.log'
    return path.read_text() if path.exists() else ''
