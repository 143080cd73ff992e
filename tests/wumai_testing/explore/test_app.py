"""The explorer's own handlers."""

from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.plan import PlannedJob


def test_each_of_them_ends() -> None:
    app = load_app()
    jobs = [PlannedJob(0.0, action, try_period=0, try_max=2) for action in app.actions]
    assert run(plan(*jobs), app).broken is None


def test_a_row_without_created_is_not_put_off_for_ever() -> None:
    """Its age is 0 at each look."""
    foreign = PlannedJob(0, 'RunLater', columns={'created': None, 'updated': None})
    assert run(plan(foreign), load_app()).broken is None
