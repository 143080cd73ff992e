"""What is drawn from a seed."""

import pytest

from wumai_testing.explore.application import load_app
from wumai_testing.explore.many import Settings
from wumai_testing.explore.options import KINDS, OF_A_WORKER, SPAN
from wumai_testing.explore.plan import Plan

APP = load_app()


def plans(settings: Settings, count: int = 100) -> list[Plan]:
    return [settings.plan(seed, APP) for seed in range(count)]


def test_a_seed_draws_the_same_plan_and_another_one_another() -> None:
    drawn = plans(Settings())
    assert drawn == plans(Settings())
    assert len({str(plan) for plan in drawn}) == len(drawn)


def test_each_kind_strikes_in_a_part_of_the_runs() -> None:
    """A run that has everything at once would hide what a single fault does."""
    kinds = [{fault.kind for fault in plan.faults} for plan in plans(Settings(), 200)]
    for kind in KINDS:
        assert 0 < sum(kind in of_one for of_one in kinds) < len(kinds), kind


def test_only_the_kinds_that_are_allowed() -> None:
    drawn = plans(Settings(kinds={'crash', 'clock skew'}))
    assert {fault.kind for plan in drawn for fault in plan.faults} == {'crash'}
    assert {plan.latency for plan in drawn} == {0.0005}
    workers = [worker for plan in drawn for worker in plan.workers]
    assert any(worker.skew for worker in workers)
    assert not any(worker.drift or worker.lacks for worker in workers)


def test_options_of_ones_own_are_kept() -> None:
    drawn = plans(Settings(options={'exec_timeout': 600, 'lease': 60}))
    assert {(plan.options['exec_timeout'], plan.options['lease']) for plan in drawn} == {(600, 60)}
    assert len({plan.options['pick_size'] for plan in drawn}) > 1


@pytest.mark.parametrize('workers', [1, 2, 5])
def test_workers(workers: int) -> None:
    drawn = plans(Settings(workers=workers), 20)
    assert max(len(plan.workers) for plan in drawn) == workers
    for plan in drawn:
        names = [worker.name for worker in plan.workers]
        assert names == [f'w{number}' for number in range(1, len(names) + 1)]
        assert all(f.target in (*names, None) for f in plan.faults if f.kind in OF_A_WORKER)


def test_all_faults_are_over_when_all_is_healed() -> None:
    for plan in plans(Settings()):
        assert plan.calm_at >= SPAN
        assert all(fault.at <= plan.calm_at for fault in plan.faults)


def test_in_some_runs_jobs_come_when_all_has_been_well_for_long() -> None:
    """What a fault has left behind for good shows where there is no other excuse."""
    late = [plan for plan in plans(Settings()) if plan.jobs[-1].at > plan.calm_at + 60]
    assert 10 < len(late) < 50
