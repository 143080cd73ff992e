"""Time is the database's."""

import pytest

from tests.wumai_testing.explore.history import History, told
from wumai_testing.explore.checkers.clocks import Clocks


@pytest.mark.parametrize(('minutes', 'fine'), [(1, True), (3, False)])
def test_a_step_of_a_clock_is_noticed_within_a_minute(minutes: int, fine: bool) -> None:
    def story(history: History) -> None:
        history.troubles.steps.append((0.0, 'w1', 3.0))
        history.clocks['w1#1'].error = 3.0
        history.passes(60 * minutes)
        history.claims('w1#1', 'job')

    assert (told(Clocks, story) is None) is fine
