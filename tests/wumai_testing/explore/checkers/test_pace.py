"""What is begun when."""

import pytest

from tests.wumai_testing.explore.history import History, told
from wumai_testing.explore.checkers.pace import Turns


@pytest.mark.parametrize(('workers', 'fine'), [(1, False), (2, True)])
def test_what_is_due_first_begins_first_where_one_worker_is_alone(workers: int, fine: bool) -> None:
    def story(history: History) -> None:
        history.passes(10)
        history.creates('later')
        history.passes(2)
        history.claims('w1#1', 'later')

    assert (told(Turns, story, workers) is None) is fine
