"""A timeline as one HTML page that needs nothing else, and a report of several."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

from wumai_testing.duration import format_duration
from wumai_testing.timeline import Timeline
from wumai_testing.timeline_chart import Bar, Chart, breaks_of, chart_of, job_of

Entry = tuple[str, str, Timeline]
"""A run of a report: its name, its status (`passed`, `failed` or any word), its timeline."""

SCRIPTS = ('data', 'scale', 'lanes', 'ground', 'tries', 'details', 'input', 'controls')
"""The parts of the page's script, in order: one function's body when they are joined."""

_SLOT = re.compile(r'\{\{(\w+)\}\}')


def render(timeline: Timeline, title: str, back: str | None = None) -> str:
    """The page of a timeline; `back` is the address of the report that it belongs to."""
    return _fill(
        'timeline.html',
        title=escape(title),
        back=f'<a class="back" href="{escape(back)}">All runs</a>' if back else '',
        style=_part('common.css') + _part('timeline.css'),
        script=_script(),
        data=_script_json(page_data(timeline)),
    )


def save_report(
    directory: str | PathLike[str], entries: Sequence[Entry], title: str = 'Runs'
) -> Path:
    """Write index.html and one page an entry; returns the path of the index."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (name, status, timeline) in enumerate(entries, 1):
        page = f'{number:0{len(str(len(entries)))}d}-{_slug(name)}.html'
        _write(directory / page, render(timeline, name, back='index.html'))
        rows.append(_index_row(page, name, status, timeline))
    index = directory / 'index.html'
    counts = Counter(status for _, status, _ in entries)
    summary = ', '.join(f'{count} {status}' for status, count in sorted(counts.items()))
    html = _fill(
        'report.html',
        title=escape(title),
        summary=escape(summary or 'no runs'),
        style=_part('common.css') + _part('report.css'),
        rows='\n'.join(rows),
    )
    _write(index, html)
    return index


def page_data(timeline: Timeline) -> dict[str, Any]:
    """What the page's script draws: times are whole microseconds, jobs and workers indices."""
    chart = chart_of(timeline)
    jobs = {job: index for index, job in enumerate(timeline.names)}
    workers = {worker: index for index, worker in enumerate(chart.workers)}
    return {
        'start': timeline.moment(0),
        'end': chart.end // 1000,
        'workers': chart.workers,
        'jobs': [[job, name, chart.states[job]] for job, name in timeline.names.items()],
        'tries': [_bar(bar, jobs, workers) for bar in chart.bars],
        'bands': [
            [
                workers.get(band.where, band.where),
                band.start // 1000,
                band.end // 1000,
                band.kind,
                band.text,
            ]
            for band in chart.bands
        ],
        'marks': [
            [
                mark.at // 1000,
                mark.kind,
                workers.get(mark.worker or '', -1),
                jobs.get(mark.job or '', -1),
                mark.text,
            ]
            for mark in chart.marks
        ],
        'events': [
            [
                event.at // 1000,
                event.kind,
                workers.get(event.worker or '', -1),
                jobs.get(job_of(timeline, event) or '', -1),
                timeline.words(event),
            ]
            for event in timeline
        ],
        'breaks': _breaks(chart),
    }


def _bar(bar: Bar, jobs: dict[str, int], workers: dict[str, int]) -> list[Any]:
    times = [None if at is None else at // 1000 for at in (bar.start, bar.ran, bar.end, bar.due)]
    where = [jobs.get(bar.job, -1), workers.get(bar.worker, -1), bar.slot]
    return [*where, *times, bar.how, bar.n, bar.m, bar.error]


def _breaks(chart: Chart) -> list[list[int]]:
    return [
        [gap.start // 1000, gap.end // 1000, max(gap.width // 1000, 1)]
        for gap in breaks_of(chart)
        if gap.end // 1000 - gap.start // 1000 > gap.width // 1000
    ]


def _index_row(page: str, name: str, status: str, timeline: Timeline) -> str:
    chart = chart_of(timeline)
    endings = Counter(bar.how for bar in chart.bars)
    failed = sum(endings[how] for how in ('failed', 'timeout', 'lost'))
    tone = {'passed': 'good', 'failed': 'bad', 'error': 'bad'}.get(status, 'plain')
    cells: Iterable[object] = (
        len(chart.states),
        len(chart.bars),
        failed,
        sum(event.kind == 'notify' for event in timeline),
        format_duration(chart.end // 10**9 if chart.end >= 10**9 else chart.end / 1e9),
    )
    numbers = ''.join(f'<td class="number">{cell}</td>' for cell in cells)
    return (
        f'<tr><td><span class="chip {tone}">{escape(status)}</span></td>'
        f'<td class="name"><a href="{escape(page)}">{escape(name)}</a></td>{numbers}</tr>'
    )


def _slug(name: str) -> str:
    return re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[:60].strip('-') or 'run'


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode('utf-8', errors='replace'))


def _script() -> str:
    parts = ''.join(_part(f'script/{name}.js') for name in SCRIPTS)
    return f"(() => {{\n'use strict';\n{parts}}})();"


def _script_json(value: Any) -> str:
    """JSON that no HTML parser reads anything else into: ASCII, without `<`, `>` and `&`."""
    text = json.dumps(value, separators=(',', ':'))
    return text.replace('&', '\\u0026').replace('<', '\\u003c').replace('>', '\\u003e')


def _fill(name: str, **parts: str) -> str:
    return _SLOT.sub(lambda slot: parts[slot[1]], _part(name))


@cache
def _part(name: str) -> str:
    return files('wumai_testing').joinpath(f'page/{name}').read_text('utf-8')
