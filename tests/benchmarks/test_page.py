"""docs/benchmarks.md: the tables, and a plot for each."""

from typing import Any
from xml.etree import ElementTree

from tests.benchmarks.page import page
from tests.benchmarks.plot import bars

ROW = {
    'what': 'drain',
    'unit': 'jobs/s',
    'wumai': 3000.0,
    'reference': 4000.0,
    'ratio': 0.75,
    'aim': 0.7,
    'goal': None,
    'more': True,
    'against': 'by hand',
    'plot': 'drain on MariaDB',
}
RUN: dict[str, Any] = {
    'machine_info': {'settings': {'Python': '3.11'}},
    'benchmarks': [{'extra_info': ROW}],
}
PEERS: dict[str, Any] = {
    'settings': {'celery': '5.7'},
    'peers': [
        {'name': 'Huey', 'drain': 3300, 'enqueue': 1400, 'p50': 7.5, 'p99': 17, 'memory': 57},
        {'name': 'wumai', 'bulk': 25300},
        {'name': 'RQ', 'skipped': 'no Redis'},
    ],
}


def test_the_page() -> None:
    """Each table stands with its plots, and the settings with them."""
    files = page([RUN], [PEERS])
    text = files['benchmarks.md']
    assert '| drain | 3,000 jobs/s | 4,000 jobs/s | 0.75 | >= 0.7, met | by hand |' in text
    assert '| Huey | 3,300/s | 1,400/s | - | 7.5 ms | 17 ms | 57 MiB |' in text
    assert '| RQ | skipped: no Redis |' in text
    assert '- Python: 3.11\n- celery: 5.7\n' in text
    for name in set(files) - {'benchmarks.md'}:
        assert f']({name})' in text
        ElementTree.fromstring(files[name])
    assert 'benchmarks/drain-on-mariadb.svg' in files


def test_a_benchmark_that_was_run_again() -> None:
    """Takes the place of its row; the same beside another reference is one more."""
    again: Any = [{'extra_info': ROW | {'ratio': 0.8}}, {'extra_info': ROW | {'against': 'Huey'}}]
    text = page([RUN, RUN | {'benchmarks': again}], [PEERS])['benchmarks.md']
    ratios = [line.split(' | ')[3] for line in text.splitlines() if line.startswith('| drain |')]
    assert ratios == ['0.80', '0.75']


def test_bars_are_as_long_as_their_values() -> None:
    """The longest fills the width; what is absent has none."""
    root = ElementTree.fromstring(bars('a & b', ('x', 'y'), [('one', (10, 5)), ('two', (None, 1))]))
    rects = root.findall('{http://www.w3.org/2000/svg}rect')
    lengths = [float(rect.attrib['width']) for rect in rects if rect.attrib.get('height') == '14']
    assert lengths == [lengths[0], lengths[0] / 2, lengths[0] / 10]
