"""When a fault strikes, and what a run draws."""

import re
from dataclasses import replace

import pytest

from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.options import AIMS, LONG_SPAN, draw_plan
from wumai_testing.explore.plan import Aim, PlannedFault, PlannedJob
from wumai_testing.faults import FAULTS

JOB = PlannedJob(0, 'Slow', {'seconds': 1}, try_period=1)


def ran(fault: PlannedFault, workers: int = 1) -> Result:
    result = run(plan(JOB, faults=[fault], workers=workers), load_app())
    assert result.broken is None
    return result


def events(result: Result) -> list[str]:
    """What became of the job and of workers, in order."""
    return re.findall(r'  (claim|begin|end|outcome|crash|stall|rescue)\b', result.text)


@pytest.mark.parametrize(
    ('at', 'story'),
    [
        ('begin', ['claim', 'begin', 'crash', 'rescue']),
        ('end', ['claim', 'begin', 'end', 'crash', 'rescue']),
        ('write', ['crash', 'claim', 'begin', 'end', 'outcome']),
    ],
)
def test_a_fault_waits_for_what_it_is_aimed_at(at: str, story: list[str]) -> None:
    result = ran(PlannedFault(0.0, 'crash', 'w1', 0.5, Aim(at)))
    assert events(result)[: len(story)] == story
    assert [(one.kind, one.aim) for one in result.struck] == [('crash', None)]
    assert result.struck[0].at > 0


def test_an_aim_may_let_some_pass() -> None:
    """The claim is the first statement that writes, the outcome the second."""
    result = ran(PlannedFault(0.0, 'crash', 'w1', 0.5, Aim('write', skip=1)))
    assert events(result)[:4] == ['claim', 'begin', 'end', 'crash']


@pytest.mark.parametrize('at', ['suspect', 'rescue'])
def test_who_looks_after_a_lost_job_may_be_struck(at: str) -> None:
    """Before it has rescued it; whoever that is, where the plan names nobody."""
    crash = PlannedFault(0.0, 'crash', 'w1', 30.0, Aim('begin'))
    stall = PlannedFault(0.0, 'stall', None, 2.0, Aim(at))
    result = run(plan(JOB, faults=[crash, stall], workers=2), load_app())
    assert result.broken is None
    assert [(one.kind, one.target) for one in result.struck] == [('crash', 'w1'), ('stall', 'w2')]
    assert events(result)[:5] == ['claim', 'begin', 'crash', 'stall', 'rescue']


def test_a_transaction_may_be_struck_midway() -> None:
    """The second statement of the handler's, and not the first one; both are undone."""
    parent = PlannedJob(0, 'Parent', {}, try_period=1, try_max=2)
    deadlock = PlannedFault(0.0, 'deadlock', None, aim=Aim('midway'))
    result = run(plan(parent, faults=[deadlock]), load_app())
    assert result.broken is None
    assert result.reached['deadlock'] == 1
    assert result.reached['begun Parent'] == 2
    assert result.reached['begun Quick'] == 1


def test_in_a_storm_writes_fail_at_random() -> None:
    jobs = [PlannedJob(second, 'Quick', {}, try_max=5) for second in range(20)]
    result = run(plan(*jobs, faults=[PlannedFault(0.0, 'storm', seconds=20.0)]), load_app())
    assert result.broken is None
    assert sum(result.reached[kind] for kind in FAULTS) > 1
    assert result.reached['finished Quick'] == result.reached['create'] > 10


def test_a_connection_that_gets_no_answer_is_lost_in_the_end() -> None:
    """Its worker takes it for lost after 30 s, and writes the outcome with another."""
    result = ran(PlannedFault(0.0, 'connection mute', 'w1', aim=Aim('end')))
    assert 'a connection gets no answer' in result.text
    end, outcome = (
        float(found[1])
        for found in re.finditer(r'^ *([\d.]+)s .*  (?:end|outcome) ', result.text, re.MULTILINE)
    )
    assert 30 <= outcome - end < 33


@pytest.mark.parametrize(('skips', 'began'), [(True, '[34]'), (False, '1[01]')])
def test_who_stands_still_with_a_row_locked_holds_up_claims(skips: bool, began: str) -> None:
    """Where the server cannot skip its lock, that is nobody's fault."""
    stall = PlannedFault(0, 'stall', 'w1', 10.5, Aim('write'))
    planned = plan(JOB, PlannedJob(0, 'Quick', delay=3), faults=[stall], workers=2, exec_size=1)
    result = run(replace(planned, server={'skips_locked': skips}), load_app())
    assert result.broken is None
    assert re.search(rf'^ *{began}\.\d+s  w2  Quick#1 +begin', result.text, re.MULTILINE)


def test_a_row_lock_that_had_to_wait_is_over_with_all_other_faults() -> None:
    stall = PlannedFault(0.0, 'stall', 'w1', 9.0, Aim('write'))
    locked = PlannedFault(2.0, 'row lock', seconds=9.0)
    result = run(plan(JOB, faults=[stall, locked], calm_at=3), load_app())
    assert result.broken is None
    assert result.reached['row lock'] == 1
    assert 'its row is locked' not in result.text


def test_a_database_that_flaps_answers_in_between() -> None:
    result = ran(PlannedFault(0.5, 'database flaps', seconds=20))
    assert 'database is down' in result.text
    assert 'database hangs' in result.text


def test_runs_differ_in_what_they_draw() -> None:
    plans = [draw_plan(seed, ['Slow'], {}) for seed in range(200)]
    faults = [fault for one in plans for fault in one.faults]
    assert {len(one.workers) for one in plans} == {1, 3}
    assert {one.server['skips_locked'] for one in plans} == {True, False}
    assert len({one.server['packet'] for one in plans}) == 2
    assert LONG_SPAN in {one.calm_at for one in plans}
    assert all(fault.at <= LONG_SPAN for fault in faults)
    assert {fault.aim.at for fault in faults if fault.aim} == set(AIMS)


def test_no_kind_is_drawn_that_was_not_asked_for() -> None:
    plans = [draw_plan(seed, ['Slow'], {}, kinds=['stall']) for seed in range(50)]
    assert {fault.kind for one in plans for fault in one.faults} == {'stall'}
    assert {one.server['skips_locked'] for one in plans} == {True}


@pytest.mark.parametrize(('url', 'steps'), [(None, 1), ('sqlite', 0)])
def test_processes_on_one_host_have_one_clock(url: str | None, steps: int) -> None:
    """SQLite tells no time: there the host's clock is the database's."""
    step = PlannedFault(1.0, 'clock step', 'w1', 30.0)
    late = PlannedJob(2.0, 'Quick', {})
    result = run(plan(JOB, late, faults=[step], workers=2), load_app(), url=url)
    assert result.broken is None
    assert result.reached['clock step'] == steps
