"""What is told of failed tries."""

from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.plan import PlannedFault, PlannedJob


def test_two_rescues_in_one_second_may_both_be_told() -> None:
    """The row does not say whose it was, so who has no answer to its commit takes it for its own:
    once too often rather than never.
    """
    job = PlannedJob(0, 'Slow', {'seconds': 4}, try_period=1, try_max=2)
    crash = PlannedFault(3.5, 'crash', 'w1', seconds=40)
    lost = PlannedFault(4.0, 'lost_before_commit', 'w2')
    result = run(plan(job, faults=[crash, lost], workers=3), load_app())
    assert result.broken is None
    assert result.text.count('slack: Slow#1 try 1 of 2 failed: worker lost') == 2
