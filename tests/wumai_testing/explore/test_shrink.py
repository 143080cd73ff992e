"""A run that breaks an invariant, made as short as it gets."""

from dataclasses import replace

import pytest

from tests.wumai_testing.explore.plans import second_disk
from wumai_testing.explore import shrink as shrinking
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.plan import Aim, Plan, PlannedFault
from wumai_testing.explore.shrink import shrink

DISKS = load_app('tests.wumai_testing.explore.disks')


@pytest.fixture(scope='module')
def found() -> Result:
    return run(replace(second_disk(), server={'narrow': True}), DISKS)


def test_what_is_not_needed_is_left_out(found: Result) -> None:
    result = shrink(found, lambda plan: run(plan, DISKS))
    assert result.broken is not None
    assert found.broken is not None
    assert result.broken.invariant == found.broken.invariant
    assert [job.action for job in result.plan.jobs] == ['CreateInstance']
    assert [fault.kind for fault in result.plan.faults] == ['crash']
    assert result.plan.server == {}
    assert len(result.text.splitlines()) < len(found.text.splitlines())
    again = run(result.plan, DISKS)
    assert again.timeline == result.timeline


def test_what_is_plain_already_stays_so() -> None:
    """Each try to simplify begins with all that has worked before it."""
    plan = second_disk()
    jobs = tuple(replace(job, then=(('retry', 900.0),)) for job in plan.jobs)
    found = run(replace(plan, jobs=jobs), DISKS)
    assert found.broken is not None
    result = shrink(found, lambda plan: run(plan, DISKS))
    assert [(job.at, job.then, job.delay) for job in result.plan.jobs] == [(0.0, (), None)]


def test_it_begins_at_once() -> None:
    """A fault comes so much earlier, too."""
    plan = second_disk()
    jobs, faults = (
        tuple(replace(one, at=one.at + 20) for one in parts) for parts in (plan.jobs, plan.faults)
    )
    found = run(replace(plan, jobs=jobs, faults=faults), DISKS)
    result = shrink(found, lambda plan: run(plan, DISKS))
    assert [job.at for job in result.plan.jobs] == [0.0]
    assert [fault.at < 10 for fault in result.plan.faults] == [True]


def test_a_fault_that_strikes_anyone_is_given_a_time_and_a_target() -> None:
    crash = PlannedFault(0.0, 'crash', None, 1.0, Aim('write', skip=2))
    found = run(replace(second_disk(), faults=(crash,)), DISKS)
    result = shrink(found, lambda plan: run(plan, DISKS))
    assert [(one.target, one.aim) for one in result.plan.faults] == [('w1', None)]


def test_another_invariant_does_not_count(found: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks in another way is another story, however short it is."""

    def breaks_otherwise(plan: Plan) -> Result:
        result = run(plan, DISKS)
        return replace(result, broken=result.broken and replace(result.broken, invariant='another'))

    monkeypatch.setattr(shrinking, 'MOST_RUNS', 8)
    assert shrink(found, breaks_otherwise) is found


def test_it_ends_in_time(found: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Plan] = []

    def counted(plan: Plan) -> Result:
        runs.append(plan)
        return replace(found, plan=plan)

    monkeypatch.setattr(shrinking, 'MOST_RUNS', 3)
    shrink(found, counted)
    assert len(runs) == 3
    monkeypatch.setattr(shrinking, 'MOST_SECONDS', -1.0)
    shrink(found, counted)
    assert len(runs) == 3
