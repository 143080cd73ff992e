"""The table of the peers."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.benchmarks.report import number

PEER_HEADS = (
    '',
    'drain',
    'enqueue one by one',
    'in bulk',
    'enqueue to begin, p50',
    'p99',
    'memory',
)
PEER_UNITS = {
    'drain': '/s',
    'enqueue': '/s',
    'bulk': '/s',
    'p50': ' ms',
    'p99': ' ms',
    'memory': ' MiB',
}
"""What is measured, in the order of the columns."""


def peer_lines(results: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The cells of each peer; `-` for what it has not."""
    return [[one['name'], *_cells(one)] for one in results]


def _cells(one: Mapping[str, Any]) -> list[str]:
    if 'skipped' in one:
        return [f'skipped: {one["skipped"]}', *[''] * (len(PEER_UNITS) - 1)]
    return [f'{number(one[key])}{unit}' if key in one else '-' for key, unit in PEER_UNITS.items()]
