"""Bars as SVG: a few lines of our own, since a plotting library would be the largest part here."""

from collections.abc import Sequence
from html import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 300, 70, 16, 10, 40
COLOURS = ('#2563eb', '#9ca3af')
_TEXT = 'font-family="sans-serif" font-size="12" fill="currentColor"'


def bars(
    title: str, names: Sequence[str], lines: Sequence[tuple[str, Sequence[float | None]]]
) -> str:
    """A group of bars for each line: its label, and a value for each of `names`."""
    longest = max(value for _, values in lines for value in values if value is not None)
    parts, y = [_legend(title, names)], TOP
    for label, values in lines:
        middle = y + BAR * len(values) / 2 + 4
        parts.append(
            f'<text x="{LEFT - 8}" y="{middle:g}" text-anchor="end">{escape(label)}</text>'
        )
        for value, colour in zip(values, COLOURS, strict=False):
            parts.append(_bar(y, value, longest, colour))
            y += BAR
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" {_TEXT}>\n'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n' + '\n'.join(parts) + '\n</svg>\n'
    )


def _bar(y: float, value: float | None, longest: float, colour: str) -> str:
    if value is None:
        return f'<text x="{LEFT}" y="{y + 12}">-</text>'
    width = (WIDTH - LEFT - RIGHT) * value / longest
    return (
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>'
        f'<text x="{LEFT + width + 4:.1f}" y="{y + 12}">{_short(value)}</text>'
    )


def _legend(title: str, names: Sequence[str]) -> str:
    parts = [f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>']
    for number, name in enumerate(names if len(names) > 1 else ()):
        x = LEFT + 120 * number
        parts.append(
            f'<rect x="{x}" y="11" width="10" height="10" fill="{COLOURS[number]}"/>'
            f'<text x="{x + 14}" y="20">{escape(name)}</text>'
        )
    return ''.join(parts)


def _short(value: float) -> str:
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'
