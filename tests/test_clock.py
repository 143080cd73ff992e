"""The clock of a host, corrected by what the database answers."""

from datetime import UTC, datetime, timedelta

import pytest

from wumai.clock import SystemClock
from wumai_testing.clock import virtual_time

HOUR = timedelta(hours=1)


def test_it_shows_utc() -> None:
    """Without a zone, to the microsecond."""
    before = datetime.now(UTC).replace(tzinfo=None)
    shown = SystemClock().now()
    assert before <= shown <= datetime.now(UTC).replace(tzinfo=None)


@pytest.mark.parametrize('way_there', [0.0, 0.3, 0.8])
def test_it_is_never_ahead_of_the_database(way_there: float) -> None:
    """An answer says how late it was there when it was asked, and not when the answer came."""
    with virtual_time() as time:
        clock = SystemClock()
        asked = clock.monotonic()
        time.advance(way_there)
        database_now = time.now() + HOUR
        time.advance(0.8 - way_there)
        clock.observe(database_now, asked, clock.monotonic())
        behind = time.now() + HOUR - clock.now()
        assert timedelta() <= behind <= timedelta(seconds=0.8)
