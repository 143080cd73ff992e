"""What is begun when."""

import pytest

from tests.wumai_testing.explore.history import History, told
from wumai_testing.explore.checkers.pace import Lateness, Turns


@pytest.mark.parametrize(('workers', 'fine'), [(1, False), (2, True)])
def test_what_is_due_first_begins_first_where_one_worker_is_alone(workers: int, fine: bool) -> None:
    def story(history: History) -> None:
        history.passes(10)
        history.creates('later')
        history.passes(2)
        history.claims('w1#1', 'later')

    assert (told(Turns, story, workers) is None) is fine


@pytest.mark.parametrize(
    ('locked', 'skips', 'fine'),
    [('other', True, False), ('other', False, True), ('job', True, True)],
)
def test_the_lock_of_a_row_holds_up_its_own_job_alone(locked: str, skips: bool, fine: bool) -> None:
    """Where locks can be skipped."""

    def story(history: History) -> None:
        history.world.plan.server['skips_locked'] = skips
        history.passes(80)
        history.commits('app', 'job', run_at=80.0)
        history.trouble('row lock', seconds=6, job=locked)
        history.passes(6)
        history.claims('w1#1', 'job')

    assert (told(Lateness, story) is None) is fine
