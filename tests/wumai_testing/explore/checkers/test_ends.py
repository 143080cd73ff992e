"""How processes end."""

import pytest

from tests.wumai_testing.explore.history import History, told
from wumai_testing.explore.checkers.ends import Stops


@pytest.mark.parametrize(('seconds', 'fine'), [(3, True), (6, False)])
def test_a_stop_takes_grace_and_a_little_more(seconds: float, fine: bool) -> None:
    def story(history: History) -> None:
        history.trouble('stop', 'w1')
        history.world.stopping['w1#1'] = history.now
        history.passes(seconds)
        history.exits('w1#1', 0)

    assert (told(Stops, story) is None) is fine


@pytest.mark.parametrize(
    ('code', 'seconds', 'fine'), [(0, 12, False), (75, 12, True), (75, 15, False)]
)
def test_a_watchdog_that_leaves_waits_longer_for_its_message(
    code: int, seconds: float, fine: bool
) -> None:
    def story(history: History) -> None:
        history.world.stopping['w1#1'] = history.now
        run = history.claims('w1#1', 'job')
        history.ends(run, 'raised RuntimeError')
        history.fails(run)
        history.passes(seconds)
        history.exits('w1#1', code)

    assert (told(Stops, story) is None) is fine


@pytest.mark.parametrize(
    ('code', 'stalled', 'fine'),
    [(0, None, True), (1, None, False), (1, 'w2', True), (75, None, True)],
)
def test_a_stop_ends_well_unless_something_holds_it_up(
    code: int, stalled: str | None, fine: bool
) -> None:
    """Whoever stands still may hold the row that is to be written; of the watchdog others judge."""

    def story(history: History) -> None:
        if stalled:
            history.trouble('stall', stalled, 10)
        history.trouble('stop', 'w1')
        history.world.stopping['w1#1'] = history.now
        history.passes(1)
        history.exits('w1#1', code)

    assert (told(Stops, story) is None) is fine
