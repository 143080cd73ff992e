"""How a try ends, and what follows, over the production worker in virtual time."""

from contextvars import ContextVar
from datetime import timedelta

import gevent
import gevent.local
import pytest

from tests.worker.conftest import logged, put_plain, starts, state
from wumai.job import GiveUp, RunLater
from wumai.model import Job


def run(sim, handler, **job):
    """Run one job of `handler` to its end; its id."""
    sim.route(None, {'Act': handler})
    job_id = Job.create('Act', **job)
    sim.run_until_idle()
    return job_id


def raise_(error):
    def handler(job):
        raise error

    return handler


def test_a_result_is_stored(wumai_sim):
    """As JSON; Job.get reads it again."""
    job_id = run(wumai_sim, lambda job: {'n': job.params['n'] + 1}, params={'n': 1})
    assert Job.get(job_id).result == {'n': 2}
    assert wumai_sim.jobs[job_id].tries == [('finished', '0s')]


def test_what_a_handler_sees_of_its_job(wumai_sim):
    """All that section 3 of the design promises."""
    seen = []

    def look(job):
        seen.append(
            (job.id, job.action, job.project_id, job.params, job.trys, job.try_max,
             job.is_last_try, job.age, job.context_id, job.holds_lease())
        )  # fmt: skip
        raise ValueError

    job_id = run(wumai_sim, look, params={'a': 1}, project_id='p', try_max=2, try_period=60)
    assert seen == [
        (job_id, 'Act', 'p', {'a': 1}, 1, 2, False, 0.0, f'{job_id}.1', True),
        (job_id, 'Act', 'p', {'a': 1}, 2, 2, True, 60.0, f'{job_id}.2', True),
    ]


def test_the_age_of_a_job(wumai_sim):
    """It is that at the beginning of the try, whenever it is asked for."""

    def look(job):
        ages = [job.age]
        job.sleep(30.3)
        wumai_sim.workers['w1'].clock.skew += 40  # and whatever its host's clock does meanwhile
        return [*ages, job.age]

    job_id = run(wumai_sim, look, run_at=wumai_sim.clock.now() + timedelta(seconds=90))
    before, after = Job.get(job_id).result
    assert before == after >= 90


@pytest.mark.parametrize('period', [0, 1, 60, 86_400])
def test_retries_come_at_their_period(wumai_sim, period):
    """Counted from the failure, not from the beginning of the try."""

    def fail(job):
        job.sleep(30)
        raise ValueError('no')

    job_id = run(wumai_sim, fail, try_period=period, try_max=3)
    assert starts(wumai_sim, job_id) == pytest.approx([0, 30 + period, 60 + 2 * period], abs=0.01)
    assert state(wumai_sim, job_id) == ('error', 3)
    assert Job.get(job_id).error.startswith('ValueError: no\n')


@pytest.mark.parametrize(('try_max', 'runs'), [(1, 1), (0, 1), (-3, 1), (5, 5)])
def test_try_max_is_the_number_of_runs(wumai_sim, try_max, runs):
    """And under 1 it is 1."""
    job_id = run(wumai_sim, raise_(ValueError('no')), try_max=try_max)
    assert state(wumai_sim, job_id) == ('error', runs)


def test_a_job_may_recover(wumai_sim):
    """The error of a try before is gone when it has finished."""

    def flaky(job):
        if job.trys < 3:
            raise ValueError('not yet')

    job_id = run(wumai_sim, flaky)
    assert wumai_sim.jobs[job_id].tries == [('error', '0s'), ('error', '10m'), ('finished', '20m')]
    assert Job.get(job_id).error is None


def test_give_up(wumai_sim):
    """No more tries, and the reason as the error."""
    job_id = run(wumai_sim, raise_(GiveUp('the image is gone')))
    assert state(wumai_sim, job_id) == ('error', 1)
    assert Job.get(job_id).error == 'the image is gone'


def test_run_later(wumai_sim):
    """Again after the time it asks for, as often as it likes, and no try is used."""
    begun = []

    def wait(job):
        begun.append(job.trys)
        if len(begun) < 6:
            raise RunLater(90)

    job_id = run(wumai_sim, wait, try_max=1)
    assert begun == [1] * 6
    assert starts(wumai_sim, job_id) == pytest.approx([0, 90, 180, 270, 360, 450], abs=0.1)
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert len(wumai_sim.slack) == 0


def test_run_later_is_at_least_a_second(wumai_sim):
    """A job that asks for less does not keep the worker busy."""
    begun = []

    def wait(job):
        begun.append(wumai_sim.clock.monotonic())
        if len(begun) < 3:
            raise RunLater(0)

    run(wumai_sim, wait)
    assert begun == pytest.approx([0, 1, 2], abs=0.01)


@pytest.mark.parametrize('seconds', [timedelta(minutes=5), float('nan'), None])
def test_an_own_run_later_without_seconds_fails_its_try(wumai_sim, seconds):
    """It costs the try and not the worker."""

    class Soon(RunLater):
        def __init__(self):
            self.seconds = seconds

    job_id = run(wumai_sim, raise_(Soon()), try_max=2)
    assert state(wumai_sim, job_id) == ('error', 2)
    assert 'Error' in Job.get(job_id).error


class Unprintable(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ('error', 'headline'),
    [
        (SystemExit(3), 'SystemExit: 3'),
        (KeyboardInterrupt(), 'KeyboardInterrupt'),
        (gevent.GreenletExit(), 'GreenletExit'),
        (gevent.Timeout(5), 'Timeout: 5 seconds'),
        (Unprintable(), 'Unprintable: (its message cannot be printed)'),
        (BaseException('base'), 'BaseException: base'),
        (StopIteration(), 'StopIteration'),
        (MemoryError(), 'MemoryError'),
    ],
)
def test_whatever_is_raised_costs_the_try_alone(wumai_sim, error, headline):
    """The worker goes on, and the job is tried again."""
    wumai_sim.route(None, {'Act': raise_(error), 'Other': lambda job: 1})
    job_id, other = Job.create('Act', try_max=2), Job.create('Other', run_at=None)
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].tries == [('error', '0s'), ('error', '10m')]
    assert Job.get(job_id).error.splitlines()[0] == headline
    assert state(wumai_sim, other) == ('finished', 1)
    assert wumai_sim.workers['w1'].alive


def test_a_system_exit_beside_the_handler(wumai_sim):
    """Raised in a greenlet that the handler has started, it does not end the worker either."""

    def spawn(job):
        gevent.spawn(raise_(SystemExit(3)), job).join()

    job_id = run(wumai_sim, spawn)
    assert state(wumai_sim, job_id) == ('finished', 1)
    assert wumai_sim.workers['w1'].alive


def _set_local(seen, _):
    """A thread local of the app, as gevent patches it."""
    seen['local'] = getattr(_local, 'value', None)
    _local.value = 'left behind'


def _set_context(seen, _):
    seen['context'] = _variable.get()
    _variable.set('left behind')


def _forget_timeout(_, job):
    if job.params['n'] == 1:
        gevent.Timeout.start_new(5)


def _kill_later(_, job):
    if job.params['n'] == 1:
        gevent.spawn_later(5, gevent.getcurrent().kill, block=False)


_local = gevent.local.local()
_variable = ContextVar('_variable', default=None)


@pytest.mark.parametrize('leave', [_set_local, _set_context, _forget_timeout, _kill_later])
def test_what_a_try_leaves_reaches_no_other(wumai_sim, leave):
    """Whatever it has put aside for its greenlet, or has begun against it."""
    seen = {}

    def handler(job):
        leave(seen, job)
        if job.params['n'] == 2:
            job.sleep(10)

    wumai_sim.route(None, {'Act': handler})
    ids = Job.create_many([{'action': 'Act', 'params': {'n': n}} for n in (1, 2)])
    wumai_sim.run_until_idle()
    assert [state(wumai_sim, job_id) for job_id in ids] == [('finished', 1)] * 2
    assert set(seen.values()) <= {None}


def test_tries_that_wait_for_nothing_share_a_greenlet(wumai_sim):
    """To make one costs more than the rest of a short try; the others begin where one waits."""
    used = []

    def handler(job):
        used.append(id(gevent.getcurrent()))
        job.params.get('wait') and job.sleep(60)

    wumai_sim.route(None, {'Act': handler}, exec_size=10)
    Job.create_many([{'action': 'Act'}] * 8)
    wumai_sim.run_until_idle()
    assert len(set(used)) == 1
    waiting = Job.create_many([{'action': 'Act', 'params': {'wait': True}}] * 8)
    wumai_sim.run_until_idle()
    began = [one for job_id in waiting for one in starts(wumai_sim, job_id)]
    assert began == pytest.approx([began[0]] * 8, abs=0.01)


@pytest.mark.parametrize(
    'message', ['smile \U0001f600', 'nul \0 nul', 'half \ud83d', 'line\nline', 'x' * 200_000]
)
def test_any_message_can_be_saved(wumai_sim, message):
    """What the column cannot hold is cleaned and cut; the message of the channels too."""
    job_id = run(wumai_sim, raise_(ValueError(message)), try_max=1)
    error = Job.get(job_id).error
    assert error.startswith(f'ValueError: {message[:4]}')
    assert len(error.encode()) <= 65_535
    assert len(wumai_sim.slack) == 1
    assert '\n' not in wumai_sim.slack[0].text


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        (object(), 'object has no form in JSON'),
        (float('inf'), 'Out of range'),
        ('x' * 70_000, 'is 70002 bytes of JSON, the column result holds 65535'),
    ],
)
def test_a_result_that_cannot_be_stored_is_final(wumai_sim, value, reason):
    """Another try would only repeat the side effect."""
    job_id = run(wumai_sim, lambda job: value)
    assert state(wumai_sim, job_id) == ('error', 1)
    assert Job.get(job_id).error.startswith('the result cannot be stored')
    assert reason in Job.get(job_id).error
    assert 'gave up' in wumai_sim.slack[0].text


@pytest.mark.parametrize('params', ['{', '[1]', 'null', '"text"', '1', ' ', '[' * 100_000])
def test_bad_params_are_final(wumai_sim, params):
    """The handler is not called; the error has the reason."""
    wumai_sim.route(None, {'Act': raise_(AssertionError('it was called'))})
    put_plain(wumai_sim, params=params)
    wumai_sim.run_until_idle()
    assert state(wumai_sim, 'job-1') == ('error', 1)
    assert Job.get('job-1').error.startswith('params are no JSON')


def test_an_unknown_action_is_an_ordinary_failure(wumai_sim):
    """A newer worker may take the next try."""
    wumai_sim.route(None, {'Other': lambda job: None})
    job_id = Job.create('Act', try_max=4)
    wumai_sim.advance('15m')
    assert state(wumai_sim, job_id) == ('pending', 2)
    assert Job.get(job_id).error.startswith("UnknownAction: no handler for the action 'Act'")
    wumai_sim.start_worker('newer', job_routes={'Act': lambda job: 'done', 'Other': print})
    wumai_sim.stop_worker('w1')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, job_id) == ('finished', 3)


def test_a_job_is_named_in_the_logs(wumai_sim):
    """The context id of a try is the job's id and its number; the worker's own lines have none."""
    from wumai import logger

    def handler(job):
        logger.info('hello from the handler')
        raise ValueError

    job_id = run(wumai_sim, handler, try_max=2)
    lines = [line for line in wumai_sim.logs if 'hello' in line.message]
    assert [line.context_id for line in lines] == [f'{job_id}.1', f'{job_id}.2']
    assert {line.context_id for line in wumai_sim.logs if 'failed:' in line.message} == {'-'}
    assert len(logged(wumai_sim, 'try 2 of 2 failed: ValueError; gave up')) == 1
