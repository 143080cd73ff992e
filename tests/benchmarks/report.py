"""The results as a table, for the terminal and for docs/benchmarks.md."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ('wumai', 'flask', 'gevent', 'sqlalchemy', 'pymysql', 'freezegun', 'gunicorn')
HEADS = ('what', 'wumai', 'reference', 'ratio', 'aim', 'reference is')


@dataclass(frozen=True)
class Row:
    """One comparison."""

    what: str
    unit: str
    wumai: float
    reference: float
    ratio: float
    aim: float | None
    goal: float | None
    more: bool
    against: str
    plot: str

    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            f'{number(self.wumai)} {self.unit}',
            f'{number(self.reference)} {self.unit}',
            f'{self.ratio:.2f}',
            self._aim(),
            self.against,
        )

    def _aim(self) -> str:
        """The ratio or the figure that is asked for, and whether it was reached."""
        asked, found = (self.aim, self.ratio) if self.goal is None else (self.goal, self.wumai)
        if asked is None:
            return ''
        met = found >= asked if self.more else found <= asked
        shown = f'{asked:,g}' if self.goal is None else f'{asked:,g} {self.unit}'
        return f'{">=" if self.more else "<="} {shown}, {"met" if met else "not met"}'


def rows_of(benchmarks: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The comparisons among benchmarks as pytest-benchmark writes them; others are left out."""
    names = Row.__dataclass_fields__
    infos = [one['extra_info'] for one in benchmarks]
    return [Row(**{n: info[n] for n in names}) for info in infos if 'what' in info]


def number(value: float) -> str:
    """Three digits that count, with thousands set apart."""
    if value >= 100:
        return f'{round(value, 2 - len(str(int(value))) + 1):,.0f}'
    return f'{value:.3g}'


def table(rows: Sequence[Row]) -> str:
    """For a terminal."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """For a page. What is to the right of the first column is a figure."""
    rule = ['---', *['---:'] * (len(heads) - 1)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in (heads, rule, *lines))


def settings(machine: Mapping[str, Any], extra: Mapping[str, str]) -> dict[str, str]:
    """The machine as pytest-benchmark knows it and the versions, as pairs of a name and a text."""
    return {
        'processor': f'{machine["cpu"].get("brand_raw", machine["processor"])}, {_cores()} cores',
        'system': f'{machine["system"]} {machine["release"]}',
        'Python': machine['python_version'],
        **{name: found for name in PACKAGES if (found := installed(name))},
        **extra,
    }


def installed(package: str) -> str | None:
    """Its version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0))
