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
