"""Seeds as people write them."""

import pytest

from wumai_testing.explore.seeds import seeds_from


@pytest.mark.parametrize(
    ('text', 'seeds'), [('3', range(3)), ('7-9', range(7, 9)), (' 5 ', range(5))]
)
def test_seeds(text: str, seeds: range) -> None:
    assert seeds_from(text) == seeds


@pytest.mark.parametrize('text', ['', '0', 'many', '-3', '5-', '5-2', '1-2-3', '1.5'])
def test_what_are_none(text: str) -> None:
    with pytest.raises(ValueError, match='are no seeds'):
        seeds_from(text)
