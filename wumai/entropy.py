"""Chance: the only file that draws it."""

import random
from collections.abc import MutableSequence
from datetime import UTC, datetime
from typing import Any, Protocol

_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ID_DIGITS = 28
_RANDOM_BITS = 90


class Entropy(Protocol):
    """The seam through which wumai draws chance."""

    def job_id(self, now: datetime) -> str:
        """A new `job-...` of 32 characters; later ones of this process sort after earlier ones."""

    def nonce(self) -> str:
        """A string that was never drawn before, of 16 hexadecimal digits."""

    def fraction(self) -> float:
        """A number from 0 up to but not 1, for jitter."""

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Put `items` into a random order, in place."""


class RandomEntropy:
    """Chance from `source`; by default from the operating system."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source or random.SystemRandom()
        self._last_id = 0

    def job_id(self, now: datetime) -> str:
        # As in ULID: milliseconds, then chance, and within one millisecond the next number,
        # so that ids sort by age and inserts stay at the end of the primary key.
        millis = int(now.replace(tzinfo=UTC).timestamp() * 1000)
        drawn = millis << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS)
        if millis <= self._last_id >> _RANDOM_BITS:
            drawn = self._last_id + 1
        self._last_id = drawn
        return 'job-' + _base32(drawn)

    def nonce(self) -> str:
        return f'{self._random.getrandbits(64):016x}'

    def fraction(self) -> float:
        return self._random.random()

    def shuffle(self, items: MutableSequence[Any]) -> None:
        self._random.shuffle(items)


def _base32(number: int) -> str:
    shifts = range(5 * (_ID_DIGITS - 2), -1, -10)
    return ''.join([_PAIRS[number >> shift & 1023] for shift in shifts])
