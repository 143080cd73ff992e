"""Seeds as people write them."""

import re

_SEEDS = re.compile(r'(?:(\d+)-)?(\d+)')


def seeds_from(text: str) -> range:
    """`1000` as the first thousand seeds, `200-300` as those from 200 to 299. Raises ValueError."""
    found = _SEEDS.fullmatch(text.strip())
    seeds = range(int(found[1] or 0), int(found[2])) if found else range(0)
    if not seeds:
        raise ValueError(f'{text!r} are no seeds: write how many, such as 1000, or 200-300.')
    return seeds
