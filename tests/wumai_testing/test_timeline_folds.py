"""Repeats told once."""

import pytest

from wumai_testing.timeline_folds import LONGEST, Fold, folded


@pytest.mark.parametrize(
    ('keys', 'parts'),
    [
        ('', [range(0)]),
        ('abc', [range(3)]),
        ('xaaaay', [range(2), Fold(2, 4, 2), range(4, 6)]),
        ('ababababa', [range(2), Fold(2, 6, 2), range(6, 9)]),
        ('aaaabbbb', [range(1), Fold(1, 3, 2), range(3, 5), Fold(5, 7, 2), range(7, 8)]),
    ],
)
def test_the_first_and_the_last_round_stay(keys: str, parts: list[object]) -> None:
    assert [part for part in folded(keys) if part] == [part for part in parts if part]


@pytest.mark.parametrize('keys', ['aaa', 'ababab', ''.join(map(chr, range(LONGEST + 1))) * 4])
def test_few_rounds_and_long_ones_stay(keys: str) -> None:
    assert list(folded(keys)) == [range(len(keys))]


def test_a_fold_tells_how_much_it_leaves_out() -> None:
    assert str(Fold(1, 3, 2)) == '... the same line 2 times more'
    assert str(Fold(4, 8004, 2000)) == '... the same 4 lines 2,000 times more'
