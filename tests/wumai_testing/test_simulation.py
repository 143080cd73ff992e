"""The simulation: what a team's handlers do over minutes, months and years."""

import gc
import os
import re
import sqlite3
import sys
import time
from collections import Counter
from datetime import datetime, timedelta

import gevent
import pytest
from gevent.event import Event
from greenlet import greenlet
from sqlalchemy import Column, Engine, Integer, MetaData, Table

from wumai import db
from wumai.config import CONF
from wumai.error import ConfigError
from wumai.job import RunLater
from wumai.model import Job
from wumai_testing.clock import VirtualStuck
from wumai_testing.simulation import Simulation, SimulationError, simulation


def wait_by_time_sleep(job):
    time.sleep(500)


def wait_by_gevent_sleep(job):
    gevent.sleep(500)


def wait_by_job_sleep(job):
    job.sleep(500)


def wait_for_an_event(job):
    Event().wait(500)


WAITS = (wait_by_time_sleep, wait_by_gevent_sleep, wait_by_job_sleep, wait_for_an_event)


def test_a_handler_that_always_times_out_gives_up_after_three_tries(wumai_sim: Simulation) -> None:
    """Each timeout fires at its virtual time, and each retry try_period after it."""
    wumai_sim.route(None, {'Slow': lambda job: job.sleep(100_000)}, exec_timeout=600)
    job_id = Job.create('Slow', try_period=300)
    wumai_sim.run_until_idle()
    job = wumai_sim.jobs[job_id]
    assert job.status == 'error'
    assert job.tries == [('error', '0s'), ('error', '15m'), ('error', '30m')]
    assert [one.ended - one.began for one in job.tries] == pytest.approx([600, 600, 600])
    assert ['gave up' in message.text for message in wumai_sim.slack] == [False, False, True]


@pytest.mark.parametrize('wait', WAITS)
def test_every_way_to_wait_is_virtual(wumai_sim: Simulation, wait) -> None:
    """500 s of waiting end a try after 500 s, under a timeout of 600 s."""
    wumai_sim.route(None, {'Wait': wait}, exec_timeout=600)
    job_id = Job.create('Wait')
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].status == 'finished'
    (one,) = wumai_sim.jobs[job_id].tries
    assert one.ended - one.began == pytest.approx(500)


@pytest.mark.parametrize('wait', WAITS)
def test_every_way_to_wait_is_interrupted_by_the_timeout(wumai_sim: Simulation, wait) -> None:
    """Two waits of 500 s meet the timeout at 600 s."""

    def twice(job):
        wait(job)
        wait(job)

    wumai_sim.route(None, {'Wait': twice}, exec_timeout=600)
    job_id = Job.create('Wait', try_max=1)
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].error.startswith('timeout')
    assert wumai_sim.clock.now() == datetime(2026, 1, 1, 0, 10)


def test_an_event_that_nobody_sets_times_out(wumai_sim: Simulation) -> None:
    """A wait without an end is ended by the timeout."""
    wumai_sim.route(None, {'Hang': lambda job: Event().wait()})
    job_id = Job.create('Hang', try_max=1)
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].error.startswith('timeout')


def test_a_handler_that_never_yields_is_stopped_and_named() -> None:
    """`while True: pass` cannot be interrupted in virtual time: the test is told the line."""

    def spin(job):
        while True:
            pass

    with simulation(stuck_after=0.3) as sim:
        sim.route(None, {'Spin': spin})
        Job.create('Spin')
        with pytest.raises(VirtualStuck, match=r'Spin[\s\S]*test_simulation.py'):
            sim.run_until_idle()


def test_a_chain_of_monthly_jobs_over_ten_years(wumai_sim: Simulation) -> None:
    """A job that makes its successor runs each month, to the second."""
    ran: list[datetime] = []

    def bill(job):
        ran.append(wumai_sim.clock.now())
        if len(ran) < 120:
            month = job.params['month'] + 1
            due = datetime(2026 + month // 12, month % 12 + 1, 1)
            Job.create('Bill', params={'month': month}, run_at=due)

    wumai_sim.route(None, {'Bill': bill})
    Job.create('Bill', params={'month': 0})
    wumai_sim.run_until_idle()
    assert len(ran) == 120
    assert ran[-1] == datetime(2035, 12, 1)
    assert all(moment.day == 1 and moment.time().isoformat() == '00:00:00' for moment in ran[1:])


def test_a_thousand_jobs_with_five_tries_each_over_a_month(wumai_sim: Simulation) -> None:
    """Each week all of them are due again; how fast that is, the benchmarks tell."""

    def flaky(job):
        if job.trys < 5:
            raise ValueError('not yet')

    week = 7 * 86400
    wumai_sim.route(None, {'Flaky': flaky})
    Job.create_many([{'action': 'Flaky', 'try_max': 5, 'try_period': week}] * 1000)
    wumai_sim.run_until_idle()
    assert {job.status for job in Job.list(limit=2000)} == {'finished'}
    claims = [event.seconds for event in wumai_sim.timeline if event.kind == 'claim']
    assert len(claims) == 5000
    assert {round(seconds / week, 3) for seconds in claims} == {0, 1, 2, 3, 4}


def test_idle_polls_are_skipped_without_moving_a_try() -> None:
    """The tries begin at the same times as when each poll is made."""

    def times(skipping: bool) -> list[object]:
        with simulation(seed=3) as sim:
            if not skipping:
                sim.clock.on_idle = None
            sim.route(None, {'Work': work, 'Later': lambda job: None}, workers=2)
            Job.create('Work', run_at=sim.clock.now() + timedelta(seconds=97))
            sim.advance('10m')
            sim.crash_worker('w1')
            sim.advance('20m')
            sim.database.engine  # noqa: B018 - the same work in both runs
            return [(e.at, e.kind, e.worker) for e in sim.timeline if e.kind in ('claim', 'rescue')]

    def work(job):
        Job.create('Later', run_at=job_later())
        job.sleep(300)
        raise ValueError('again')

    def job_later() -> datetime:
        return datetime.now() + timedelta(seconds=333)

    skipped, polled = times(True), times(False)
    assert skipped == polled
    assert len(skipped) >= 3


def test_real_time_and_the_settings_are_back_afterwards() -> None:
    """Also after an error inside."""
    before = dict(vars(CONF))
    hub = gevent.get_hub()

    def fail() -> None:
        with simulation(app_root='/nowhere') as sim:
            sim.route(None, {'Boom': lambda job: 1 / 0})
            1 / 0  # noqa: B018 - the error

    with pytest.raises(ZeroDivisionError):
        fail()
    assert vars(CONF) == before
    assert gevent.get_hub() is hub
    assert abs(time.time() - datetime.now().timestamp()) < 1
    assert time.time() > datetime(2026, 6, 1).timestamp() or time.time() > 1_000_000_000
    began = time.perf_counter()
    gevent.sleep(0.01)
    assert time.perf_counter() - began > 0.005


def test_500_simulations_leave_nothing_behind() -> None:
    """No greenlet, connection, file or thread; what the last one held may live on until the next,
    and what other tests have left may end meanwhile.
    """

    def one() -> None:
        with simulation() as sim:
            sim.route(None, {'Slow': lambda job: job.sleep(1000)})
            Job.create('Slow')
            sim.advance('1s')

    kinds = (greenlet, sqlite3.Connection, Engine, Simulation)

    def census() -> Counter[str]:
        gc.collect()
        alive = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, kinds))
        alive['file'] = len(os.listdir('/proc/self/fd'))
        alive['thread'] = len(sys._current_frames())
        return alive

    for _ in range(3):
        one()
    before = census()
    for _ in range(500):
        one()
    grown = census() - before
    assert all(count < 10 for count in grown.values()), grown


def test_run_until_idle_names_the_jobs_that_cannot_end(wumai_sim: Simulation) -> None:
    """With no live worker there is no use in waiting."""
    wumai_sim.route(None, {'Quick': lambda job: None})
    wumai_sim.crash_worker('w1')
    job_id = Job.create('Quick')
    with pytest.raises(SimulationError, match=job_id):
        wumai_sim.run_until_idle()


def test_forgotten_workers_are_named(wumai_sim: Simulation) -> None:
    """A job without a worker, since nothing was routed."""
    Job.create('Quick')
    with pytest.raises(SimulationError, match=r'none: wumai_sim.route\(routes, job_routes\)'):
        wumai_sim.run_until_idle()


def test_run_until_shows_the_jobs_and_the_timeline(wumai_sim: Simulation) -> None:
    """Where its condition does not come true."""
    wumai_sim.route(None, {'Slow': lambda job: job.sleep(500)})
    job_id = Job.create('Slow')
    with pytest.raises(SimulationError) as failure:
        wumai_sim.run_until(lambda: len(wumai_sim.slack) > 0, within='1m')
    told = str(failure.value)
    assert 'is not true after 1m of virtual time, at 1m (2026-01-01T00:01:00Z).' in told
    assert f'1 job has not ended: {job_id} (Slow, running, trys 1), with workers w1' in told
    assert failure.value.__notes__[0].endswith('sleep   for 8m20s')


def test_job_handlers_are_routed_once(wumai_sim: Simulation) -> None:
    """A second call would start a worker beside those that do not know its handlers."""
    wumai_sim.route({'Ping': dict}).route({'Pong': dict}, {'Quick': lambda job: None})
    with pytest.raises(SimulationError, match='workers have been started already'):
        wumai_sim.route(None, {'Other': lambda job: None})


def test_a_misspelt_action_is_told_the_nearest(wumai_sim: Simulation) -> None:
    wumai_sim.route(None, {'CreateInstance': lambda job: None})
    job_id = Job.create('CreateInstanse', try_max=1)
    wumai_sim.run_until_idle()
    assert "nearest of those routed is 'CreateInstance'" in wumai_sim.jobs[job_id].error


def test_a_wrong_handler_is_told_where_it_is_given(wumai_sim: Simulation) -> None:
    """As a worker tells it, though the simulation puts a function of its own around each."""
    wrong = {'Quick': lambda: None}
    with pytest.raises(ConfigError, match="the handler of 'Quick' is called with one argument"):
        wumai_sim.route(None, wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the handler of 'Quick' is called with one argument"):
        wumai_sim.start_worker(job_routes=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the handler of 'Quick' cannot be called: 'quick'"):
        wumai_sim.route(None, {'Quick': 'quick'})  # type: ignore[dict-item]
    assert wumai_sim.workers == {}


def test_a_wrong_option_is_told_where_it_is_given(wumai_sim: Simulation) -> None:
    wrong = {'exec_timout': 5}
    with pytest.raises(ConfigError, match="'exec_timout' is no option of create_worker: there are"):
        wumai_sim.route(None, {'Quick': lambda _job: None}, **wrong)
    with pytest.raises(ConfigError, match="lease must be a number of seconds, not '5'"):
        wumai_sim.start_worker('w1', lease='5')  # type: ignore[arg-type]
    assert wumai_sim.workers == {}


def test_tables_of_an_app_are_made_when_asked_for(wumai_sim: Simulation) -> None:
    own = MetaData()
    table = Table('own', own, Column('id', Integer, primary_key=True))

    def add(job):
        with db.transaction() as session:
            session.execute(table.insert())

    wumai_sim.route(None, {'Add': add})
    job_id = Job.create('Add', try_max=1)
    wumai_sim.run_until_idle()
    assert 'no such table: own' in wumai_sim.jobs[job_id].error
    assert wumai_sim.make_tables(own, own) is wumai_sim
    Job.retry(job_id)
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].status == 'finished'


def test_run_until_idle_stops_after_within(wumai_sim: Simulation) -> None:
    """A job a year ahead is not waited for within a month."""
    wumai_sim.route(None, {'Quick': lambda job: None})
    Job.create('Quick', run_at=wumai_sim.clock.now() + timedelta(days=365))
    with pytest.raises(SimulationError, match='1 job has not ended'):
        wumai_sim.run_until_idle(within='30d')
    assert wumai_sim.clock.now() - datetime(2026, 1, 1) < timedelta(days=31)


def poll_for_ever(job):
    raise RunLater(30)


def test_a_job_that_is_put_off_for_ever_is_named(
    wumai_sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how often, the line and what allows more; its rounds are told once."""
    monkeypatch.setattr('wumai_testing.simulation.MOST_PUT_OFFS', 50)
    wumai_sim.route(None, {'Poll': poll_for_ever, 'Quick': lambda job: None})
    wumai_sim.run_until_idle()
    job_id = Job.create('Poll')
    line = poll_for_ever.__code__.co_firstlineno + 1
    told = rf'{job_id} was put off 50 times by RunLater at .*test_simulation.py:{line}.*`within`'
    with pytest.raises(SimulationError, match=told) as caught:
        wumai_sim.run_until_idle()
    assert re.search(r'the same 4 lines \d+ times more', caught.value.__notes__[0])
    assert wumai_sim.clock.monotonic() < 51 * 33


def test_within_allows_a_job_to_be_put_off(
    wumai_sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each run_until_idle() counts anew."""
    monkeypatch.setattr('wumai_testing.simulation.MOST_PUT_OFFS', 50)

    def poll(job):
        if job.age < 40 * 30:
            raise RunLater(30)

    wumai_sim.route(None, {'Long': poll_for_ever, 'Poll': poll})
    job_id = Job.create('Long')
    with pytest.raises(SimulationError, match='at 1h'):
        wumai_sim.run_until_idle(within='1h')
    Job.cancel(job_id)
    for _ in range(2):
        job_id = Job.create('Poll')
        wumai_sim.run_until_idle()
        assert wumai_sim.jobs[job_id].status == 'finished'


def test_a_job_that_runs_for_ever_is_named(wumai_sim: Simulation) -> None:
    """A worker that renews a lease without end does not hang the test."""
    wumai_sim.route(None, {'Quick': lambda job: None})
    wumai_sim.workers['w1'].node.spawn(lose_outcomes, wumai_sim)
    job_id = Job.create('Quick')
    with pytest.raises(SimulationError, match=f'{job_id}.*running'):
        wumai_sim.run_until_idle()


def lose_outcomes(sim: Simulation) -> None:
    """A bug of the worker: outcomes are thrown away."""
    sim.workers['w1'].worker._writer.put = lambda running, outcome: None


def test_a_stopped_worker_has_an_exit_code(wumai_sim: Simulation) -> None:
    """And its name may start again."""
    wumai_sim.route(None, {'Quick': lambda job: None})
    assert wumai_sim.stop_worker('w1') == 0
    with pytest.raises(SimulationError, match='w1 does not run'):
        wumai_sim.stop_worker('w1')
    wumai_sim.start_worker('w1')
    job_id = Job.create('Quick')
    wumai_sim.run_until_idle()
    assert wumai_sim.jobs[job_id].status == 'finished'


def test_a_crashed_worker_is_rescued_by_another(wumai_sim: Simulation) -> None:
    """After the lease and a second look; the lost try is told to the channels."""
    wumai_sim.route(None, {'Slow': lambda job: job.sleep(30)}, workers=2, lease=60)
    job_id = Job.create('Slow')
    wumai_sim.advance('10s')
    owner = wumai_sim.jobs[job_id].tries[0].worker
    wumai_sim.crash_worker(owner)
    wumai_sim.run_until_idle()
    first, second = wumai_sim.jobs[job_id].tries
    assert (first.status, second.status) == ('error', 'finished')
    assert second.worker != owner
    assert 60 <= second.began <= 60 + 20 + 20 + 3
    assert 'worker lost' in wumai_sim.slack[0].text


def test_a_stalled_worker_comes_back_too_late(wumai_sim: Simulation) -> None:
    """Its lease is over, its outcome is dropped, and one outcome remains."""
    wumai_sim.route(None, {'Slow': lambda job: job.sleep(30)}, workers=2)
    job_id = Job.create('Slow')
    wumai_sim.advance('10s')
    owner = wumai_sim.jobs[job_id].tries[0].worker
    wumai_sim.stall_worker(owner, '10m')
    wumai_sim.advance('20m')
    job = wumai_sim.jobs[job_id]
    assert (job.status, job.trys) == ('finished', 2)
    kinds = [event.kind for event in wumai_sim.timeline.of(job_id, 'outcome', 'dropped')]
    assert kinds.count('outcome') == 1


def test_a_database_that_is_down_costs_no_outcome(wumai_sim: Simulation) -> None:
    """What ended meanwhile is written when it is back."""
    wumai_sim.route(None, {'Slow': lambda job: job.sleep(30)})
    job_id = Job.create('Slow')
    wumai_sim.advance('10s')
    wumai_sim.database_down('5m')
    wumai_sim.run_until_idle()
    assert wumai_sim.clock.now() < datetime(2026, 1, 1, 0, 5, 20)
    job = wumai_sim.jobs[job_id]
    assert (job.status, job.trys) == ('finished', 1)


def test_logs_of_a_try_carry_its_context_id(wumai_sim: Simulation) -> None:
    """`<job id>.<trys>`."""
    from wumai import logger

    wumai_sim.route(None, {'Talk': lambda job: logger.info('hello')})
    job_id = Job.create('Talk')
    wumai_sim.run_until_idle()
    (line,) = [line for line in wumai_sim.logs if line.message == 'hello']
    assert line.context_id == f'{job_id}.1'


def test_the_end_is_no_error_for_who_waits_for_a_transaction(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SQLAlchemy undoes what has hardly begun, on a connection that is closed by then."""

    def holds_the_lock() -> None:
        with db.transaction():
            Job.create('First')
            gevent.sleep(3600)

    with simulation() as sim:
        sim.route({}, workers=0)
        gevent.spawn(holds_the_lock)
        gevent.spawn(Job.create, 'Second')
        sim.advance('1s')
    assert caplog.messages == []
