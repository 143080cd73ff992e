"""Durations as people write them."""

import pytest

from wumai_testing.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('10m', 600),
        ('1h30m', 5400),
        ('2d', 172800),
        ('1d2h3m4s', 93784),
        ('0s', 0),
        ('0.5s', 0.5),
        ('1.5h', 5400),
        (' 5s ', 5),
        (600, 600),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_seconds(text: str | float, seconds: float) -> None:
    """Units combine, the larger first; a number is seconds already."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    'text',
    ['', '10', '10x', 'm', '5m1h', '1m1m', '-5s', '1 h', 'ten', None, True, -1, float('nan')],
)
def test_a_bad_duration_is_named(text: object) -> None:
    """What is no duration is an error that repeats it."""
    with pytest.raises(ValueError, match='is no duration') as caught:
        parse_duration(text)  # type: ignore[arg-type]
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [
        (0, '0s'),
        (600, '10m'),
        (3605, '1h5s'),
        (5400, '1h30m'),
        (0.5, '0.5s'),
        (61.25, '1m1.25s'),
        (90061, '1d1h1m1s'),
        (0.1 + 0.2, '0.3s'),
        (-90, '-1m30s'),
    ],
)
def test_the_canonical_form_drops_zero_parts(seconds: float, text: str) -> None:
    """One way to write each duration, and it can be read again."""
    assert format_duration(seconds) == text
    if seconds >= 0:
        assert parse_duration(text) == pytest.approx(seconds)
