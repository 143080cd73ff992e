"""Durations as people write them: `10m`, `1h30m`, `0.5s`."""

import math
import re

UNITS = {'d': 86400, 'h': 3600, 'm': 60, 's': 1}
"""Seconds in each unit, the largest first: the order in which they are written."""

_NUMBER = r'\d+(?:\.\d+)?'
_DURATION = re.compile(''.join(f'(?:({_NUMBER}){unit})?' for unit in UNITS))


def parse_duration(text: str | float) -> float:
    """The seconds that `text` stands for: `10m`, `1h30m`, `0.5s`, or a number of seconds."""
    if isinstance(text, str):
        return _parse(text)
    if isinstance(text, bool) or not isinstance(text, int | float):
        raise ValueError(_complaint(text))
    if not math.isfinite(text) or text < 0:
        raise ValueError(f'{text!r} is no duration: it must be finite and not below 0.')
    return text


def _parse(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(_complaint(text))
    parts = zip(match.groups(), UNITS.values(), strict=True)
    seconds = sum(_number(count) * size for count, size in parts if count is not None)
    return round(seconds, 9) if isinstance(seconds, float) else seconds


def _number(text: str) -> float:
    return float(text) if '.' in text else int(text)


def _complaint(text: object) -> str:
    return (
        f'{text!r} is no duration: write a number and a unit (s, m, h, d), '
        "the larger unit first, such as '10m' or '1h30m'."
    )


def format_duration(seconds: float) -> str:
    """`seconds` in the one canonical form: no part that is zero, `0s` for nothing at all."""
    nanoseconds = round(abs(seconds) * 1_000_000_000)
    sign = '-' if seconds < 0 and nanoseconds else ''
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    parts = []
    for unit, size in UNITS.items():
        count, whole = divmod(whole, size)
        decimals = f'.{fraction:09d}'.rstrip('0') if unit == 's' and fraction else ''
        if count or decimals:
            parts.append(f'{count}{decimals}{unit}')
    return sign + (''.join(parts) or '0s')
