"""docs/benchmarks.md and its plots, from the JSON of the benchmarks:
`python -m tests.benchmarks.page benchmarks.json ... [--peers peers.json]`.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from string import Template
from typing import Any

from tests.benchmarks.peers.table import PEER_HEADS, PEER_UNITS, peer_lines
from tests.benchmarks.plot import bars
from tests.benchmarks.report import HEADS, Row, markdown, rows_of

DOCS = Path(__file__).parents[2] / 'docs'
TEMPLATE = Path(__file__).with_suffix('.md')


Documents = Sequence[Mapping[str, Any]]


def page(documents: Documents, beside: Documents) -> dict[str, str]:
    """The files below docs/ by their names: the benchmarks, and the peers, each in any pieces, of
    which a later one goes before what an earlier one says of the same.
    """
    found = rows_of(chain.from_iterable(one['benchmarks'] for one in documents))
    rows = list({(row.what, row.against): row for row in found}.values())
    names = dict.fromkeys(row.plot for row in rows if row.plot)
    peers = list(chain.from_iterable(one['peers'] for one in beside))
    files: dict[str, str] = {}
    files['benchmarks.md'] = Template(TEMPLATE.read_text()).substitute(
        settings=_settings(
            *(one['machine_info']['settings'] for one in documents),
            *(one['settings'] for one in beside),
        ),
        references=markdown(HEADS, [row.cells() for row in rows]),
        plots='\n\n'.join(_plot(files, n, [row for row in rows if row.plot == n]) for n in names),
        peers=markdown(PEER_HEADS, peer_lines(peers)),
        peer_plots='\n\n'.join(_peer_plot(files, key, peers) for key in PEER_UNITS),
    )
    return files


def _settings(*found: Mapping[str, str]) -> str:
    pairs = dict(chain.from_iterable(one.items() for one in found))
    return '\n'.join(f'- {name}: {text}' for name, text in pairs.items())


def _plot(files: dict[str, str], name: str, rows: Sequence[Row]) -> str:
    lines = [(row.what, (row.wumai, row.reference)) for row in rows]
    return _image(files, name, f'{name}, {rows[0].unit}', ('wumai', 'reference'), lines)


def _peer_plot(files: dict[str, str], key: str, peers: Sequence[Mapping[str, Any]]) -> str:
    title = (
        f'{PEER_HEADS[1 + list(PEER_UNITS).index(key)]},{PEER_UNITS[key].replace("/", " jobs/")}'
    )
    lines = [(one['name'], (one[key],)) for one in peers if key in one]
    return _image(files, f'peers {key}', title, ('',), lines)


def _image(files: dict[str, str], name: str, title: str, names: Any, lines: Any) -> str:
    path = f'benchmarks/{re.sub("[^a-z0-9]+", "-", name.lower())}.svg'
    files[path] = bars(title, names, lines)
    return f'![{title}]({path})'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('benchmarks', type=Path, nargs='+', help='JSON of pytest-benchmark')
    parser.add_argument(
        '--peers', type=Path, nargs='+', required=True, help='JSON of tests.benchmarks.peers'
    )
    given = parser.parse_args()
    (DOCS / 'benchmarks').mkdir(exist_ok=True)
    for name, text in page(_read(given.benchmarks), _read(given.peers)).items():
        (DOCS / name).write_text(text)


def _read(paths: Sequence[Path]) -> Documents:
    return [json.loads(path.read_text()) for path in paths]


if __name__ == '__main__':
    main()
