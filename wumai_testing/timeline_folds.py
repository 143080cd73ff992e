"""Repeats in a timeline, told once: what goes round in circles for a day is a screen to read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST = 12
"""Events of a round that may be folded: the tries of a few jobs."""
LEAST = 4
"""Rounds from which on those between the first and the last are left out."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Events from `start` up to `stop`, which are left out: `rounds` of what is before."""

    start: int
    stop: int
    rounds: int

    def __str__(self) -> str:
        count = (self.stop - self.start) // self.rounds
        lines = 'line' if count == 1 else f'{count} lines'
        return f'... the same {lines} {self.rounds:,} times more'


def folded(keys: Sequence[Any]) -> Iterator[range | Fold]:
    """The indices to show, and what is left out between them; equal keys are equal lines."""
    at = shown = 0
    while at < len(keys):
        length, rounds = _rounds(keys, at)
        if rounds < LEAST:
            at += 1
            continue
        first, last = at + length, at + length * (rounds - 1)
        yield range(shown, first)
        yield Fold(first, last, rounds - 2)
        at, shown = last + length, last
    yield range(shown, len(keys))


def _rounds(keys: Sequence[Any], at: int) -> tuple[int, int]:
    """The length of the shortest round that begins at `at`, and how often it is there."""
    for length in range(1, LONGEST + 1):
        same = at
        while same + length < len(keys) and keys[same] == keys[same + length]:
            same += 1
        rounds = (same - at) // length + 1
        if rounds >= LEAST:
            return length, rounds
    return 1, 1
