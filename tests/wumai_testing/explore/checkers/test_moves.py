"""What a committed change of a row may be."""

from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.plan import PlannedFault, PlannedJob


def test_the_watchdog_fails_a_try_before_its_end() -> None:
    """A try that would not end has failed when its grace was over, not when it ended at last."""
    stubborn = PlannedJob(0, 'Stubborn', {'times': 3, 'seconds': 12}, try_period=1, try_max=2)
    locked = PlannedFault(12, 'row lock', seconds=5)
    result = run(plan(stubborn, faults=[locked], exec_timeout=15, grace=0, lease=3), load_app())
    assert result.broken is None
    assert 'could not be ended' in result.text


def test_the_watchdog_hands_a_neighbour_back_at_once() -> None:
    """Its handler is stopped and has ended before; that makes it due no try_period later."""
    stubborn = PlannedJob(0, 'Stubborn', {'times': 200, 'seconds': 5}, try_period=2, try_max=1)
    slow = PlannedJob(6, 'Slow', {'seconds': 4.0}, try_period=20, try_max=3)
    options = {'exec_size': 2, 'exec_timeout': 2, 'lease': 6, 'grace': 5}
    result = run(plan(stubborn, slow, **options), load_app())
    assert result.broken is None
    assert 'worker lost; next try' in result.text
