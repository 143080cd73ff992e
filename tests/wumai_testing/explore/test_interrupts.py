"""Ctrl-C while a run is under way."""

import signal
from collections.abc import Iterator

import pytest

from wumai_testing.explore.interrupts import interrupts_put_off


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """A test run that a script put into the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def interrupted(times: int) -> Iterator[str]:
    with interrupts_put_off():
        for number in range(times):
            yield f'before {number + 1}'
            signal.raise_signal(signal.SIGINT)
        yield 'the end'


@pytest.mark.parametrize(
    ('times', 'reached'),
    [(0, ['the end']), (1, ['before 1', 'the end']), (2, ['before 1', 'before 2'])],
)
def test_what_is_begun_is_finished(times: int, reached: list[str]) -> None:
    """And interrupted then; at once by a second signal, since it may have no end."""
    seen: list[str] = []
    try:
        seen.extend(interrupted(times))
    except KeyboardInterrupt:
        assert times
    else:
        assert not times
    assert seen == reached


def test_what_is_ignored_stays_ignored() -> None:
    """As in a background process of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert list(interrupted(2))[-1] == 'the end'
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN
