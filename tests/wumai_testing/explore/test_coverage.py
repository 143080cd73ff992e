"""What was reached, and what was not."""

from collections import Counter
from dataclasses import replace

from tests.wumai_testing.explore.plans import plan, second_disk
from wumai_testing.explore.application import load_app
from wumai_testing.explore.coverage import ENOUGH, missed, nothing_ran, report
from wumai_testing.explore.driver import run
from wumai_testing.explore.options import KINDS
from wumai_testing.explore.plan import PlannedFault, PlannedJob

OWN = load_app()
DISKS = load_app('tests.wumai_testing.explore.disks')


def all_of(app_actions: list[str]) -> Counter[str]:
    ends = [f'{end} {action}' for end in ('begun', 'finished') for action in app_actions]
    names = [*KINDS, *ends]
    return Counter(dict.fromkeys(names, 1))


def test_a_run_tells_what_it_reached() -> None:
    reached = run(second_disk(), DISKS).reached
    assert (reached['crash'], reached['rescue'], reached['slack down']) == (1, 3, 1)
    assert (reached['called CreateInstance'], reached['answered CreateInstance']) == (3, 3)
    assert reached['begun CreateInstance'] == reached['claim'] > 3
    assert reached['stall'] == 0


def test_a_fault_that_struck_nothing_was_not_reached() -> None:
    """The worker is down already, and no row is there to be locked."""
    faults = [
        PlannedFault(1, 'crash', 'w1', 30.0), PlannedFault(2, 'stall', 'w1', 3.0),
        PlannedFault(3, 'row lock', seconds=1.0),
    ]  # fmt: skip
    reached = run(plan(faults=faults), OWN).reached
    assert (reached['crash'], reached['stall'], reached['row lock']) == (1, 0, 0)


def test_what_was_never_reached_is_told() -> None:
    reached = all_of(DISKS.actions)
    assert missed(reached, ENOUGH, DISKS) == []
    del reached['stall']
    assert missed(reached, ENOUGH, DISKS) == ['stall']
    assert report(reached, ENOUGH, DISKS).endswith('never reached: stall')
    assert missed(reached, ENOUGH, DISKS, {'crash'}) == []
    assert missed(reached, ENOUGH - 1, DISKS) == []


def test_a_handler_that_never_began_is_told() -> None:
    app = replace(DISKS, job_routes={**DISKS.job_routes, 'DeleteInstance': print})
    never = ['begun DeleteInstance', 'finished DeleteInstance']
    assert missed(all_of(DISKS.actions), ENOUGH, app) == never


def test_a_handler_that_never_finished_is_told() -> None:
    """It has begun again and again, and no run says that it works."""
    reached = all_of(DISKS.actions)
    del reached['finished CreateInstance']
    assert missed(reached, ENOUGH, DISKS) == ['finished CreateInstance']
    assert report(reached, ENOUGH, DISKS).endswith('never reached: finished CreateInstance')
    assert 'finished GiveUp' not in missed(Counter(), ENOUGH, OWN)


def test_runs_of_our_own_handlers_are_to_reach_all_states() -> None:
    assert 'watchdog' in missed(all_of(OWN.actions), ENOUGH, OWN)
    assert 'watchdog' not in missed(all_of(OWN.actions), ENOUGH, OWN, {'crash'})


def test_that_nothing_ran_is_told_with_its_cause() -> None:
    assert nothing_ran(Counter({'begun CreateInstance': 1}), DISKS) is None
    told = nothing_ran(Counter({'called CreateInstance': 9}), DISKS)
    assert told is not None
    assert 'no call of CreateInstance was answered with 200' in told
    assert '`examples = ' in told
    answered = Counter({'called CreateInstance': 9, 'answered CreateInstance': 9})
    assert 'answered' not in (nothing_ran(answered, DISKS) or '')


def test_the_report() -> None:
    reached = run(plan(PlannedJob(0, 'Quick'), PlannedJob(0, 'Leave', try_max=1)), OWN).reached
    lines = report(reached, 1, OWN).splitlines()
    assert 'outcome 2' in lines[0] or 'outcome 2' in lines[1]
    assert 'Leave 1 (0 finished)' in lines[-1]
    assert 'Quick 1 (1 finished)' in lines[-1]
