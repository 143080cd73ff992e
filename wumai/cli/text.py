"""Text for the terminal: tables, times, and values without secrets or control characters."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any

import click

from wumai.common.secrets import mask, mask_text
from wumai.job import BadParams, load_params

COLOURS = {'finished': 'green', 'error': 'red', 'running': 'cyan', 'pending': 'yellow'}
"""Of the states of a job."""


def coloured(status: str, text: str | None = None) -> str:
    """`text`, or the status itself, in the colour of a status."""
    return click.style(status if text is None else text, fg=COLOURS.get(status))


def printable(text: str) -> str:
    """`text` without secrets and without what could steer a terminal; its lines stay."""
    masked = mask_text(text)
    return ''.join(c if c.isprintable() or c == '\n' else ' ' for c in masked)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters."""
    return text if len(text) <= width else (text[: max(0, width - 2)] + '..')[:width]


def line_width() -> int | None:
    """The width of the terminal; None where the output goes elsewhere and is not cut."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def table(rows: Sequence[Sequence[str]], flexible: int, width: int | None) -> list[list[str]]:
    """Pad the cells of `rows` to columns; the column `flexible` is cut, so that lines fit
    `width`. The last column is not padded, and cut too.
    """
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    if width is not None:
        others = sum(widths[:-1]) - widths[flexible] + 2 * (len(widths) - 1)
        widths[flexible] = max(8, min(widths[flexible], width - others))
        widths[-1] = max(0, min(widths[-1], width - others - widths[flexible]))
    return [
        [*(cut(c, w).ljust(w) for c, w in zip(row[:-1], widths, strict=False)),
         cut(row[-1], widths[-1])]
        for row in rows
    ]  # fmt: skip


def short_time(moment: Any, now: datetime) -> str:
    """A time in 14 characters: without its year if that is this one, else without its time."""
    if not isinstance(moment, datetime):
        return '-' if moment is None else cut(str(moment), 14)
    return f'{moment:%m-%d %H:%M:%S}' if moment.year == now.year else f'{moment:%Y-%m-%d}'


def full_time(moment: Any) -> str:
    """A time of the database as text."""
    if isinstance(moment, datetime):
        return f'{moment:%Y-%m-%d %H:%M:%S} UTC'
    return '-' if moment is None else str(moment)


def pretty_json(text: str | None) -> str:
    """A column of JSON for reading, without secrets; what is no JSON as it is."""
    if text is None:
        return '-'
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return printable(text)
    return printable(json.dumps(mask(value), indent=2, ensure_ascii=False))


def masked_params(text: str | None) -> Any:
    """The params of a row without secrets; the text itself where it is no JSON object."""
    try:
        return mask(load_params(text))
    except BadParams:
        return mask_text(text or '')
