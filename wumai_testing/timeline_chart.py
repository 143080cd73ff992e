"""What a timeline's chart shows, as plain values: tries, bands, marks, and a scale."""

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wumai_testing.timeline import Event, Timeline
from wumai_testing.timeline_words import first_line

MOST_SLOTS = 16
"""Rows of a worker's lane; tries beyond share the last one."""

_JOB_ID = re.compile(r'\bjob-[0-9A-Za-z]{4,28}\b')
_MARKS = frozenset(
    ('create', 'call', 'notify', 'fault', 'cancel', 'retry', 'unrun', 'dropped', 'crash', 'worker')
)
_REACHES = {'database': 'all', 'slack': 'messages', 'sms': 'messages'}
"""What a fault that names no worker shades, by the first word of its name."""


@dataclass(slots=True, eq=False)
class Bar:
    """One try of a job. Times are nanoseconds from the start."""

    job: str
    worker: str
    start: int
    n: int | None = None
    m: int | None = None
    ran: int | None = None
    """When its handler had ended; its worker's crash included."""
    end: int | None = None
    """When the row was no longer its own; None if it still is."""
    how: str = 'running'
    error: str = ''
    due: int | None = None
    """When the next try is due."""
    observed: bool = False
    """Whether the handler's begin was seen, and so its end will be."""
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time to be shaded: of a worker, of `all`, or of `messages`."""

    where: str
    start: int
    end: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in time to be marked."""

    at: int
    kind: str
    worker: str | None
    job: str | None
    text: str


@dataclass(slots=True)
class Chart:
    """All that is drawn."""

    end: int
    workers: list[str] = field(default_factory=list)
    """In order of appearance."""
    states: dict[str, str] = field(default_factory=dict)
    """The latest status of each job, by id, in order of creation."""
    bars: list[Bar] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def chart_of(timeline: Timeline) -> Chart:
    """The chart of a timeline, from its events alone."""
    return _Drawing(timeline).chart


def job_of(timeline: Timeline, event: Event) -> str | None:
    """The job that an event is about, or that its message names."""
    if event.job is not None or event.kind != 'notify':
        return event.job
    named = _JOB_ID.findall(str(event.detail.get('text')))
    return next((job for job in named if job in timeline.names), None)


class _Drawing:
    """Reads the events in order."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._latest: dict[str, Bar] = {}
        self._handlers: dict[str, dict[Bar, None]] = {}
        self._gone: dict[str, tuple[int, str]] = {}
        self._stalled: dict[str, tuple[int, int]] = {}
        self.chart = Chart(max((event.at for event in timeline), default=0))
        self.chart.states = dict.fromkeys(timeline.names, 'pending')
        for event in timeline:
            self._read(event)
        self._finish()

    def _read(self, event: Event) -> None:
        if event.worker and event.worker not in self._handlers:
            self._handlers[event.worker] = {}
            self.chart.workers.append(event.worker)
        if (read := getattr(self, f'_read_{event.kind}', None)) is not None:
            read(event)
        if event.kind in _MARKS:
            self._mark(event)

    # Tries

    def _read_claim(self, event: Event) -> None:
        job, worker = event.job or '', event.worker or '-'
        n, m = event.detail.get('n'), event.detail.get('m')
        known = self._latest.get(job)
        if known and known.end is None and (known.worker, known.n) == (worker, n):
            return  # a commit in doubt that was settled: the same claim, read again
        bar = self._latest[job] = Bar(job, worker, event.at, n, m)
        self.chart.bars.append(bar)
        self._handlers.setdefault(worker, {})[bar] = None
        self.chart.states[job] = 'running'

    def _read_begin(self, event: Event) -> None:
        bar = self._own(event)
        if bar is None:
            self._read_claim(event)
            bar = self._latest[event.job or '']
        bar.observed = True

    def _read_end(self, event: Event) -> None:
        if (bar := self._own(event)) is not None:
            bar.ran = event.at
            self._handlers[bar.worker].pop(bar, None)
            if 'timeout' in str(event.detail.get('how', '')).lower() and bar.how == 'running':
                bar.how = 'timeout'

    def _own(self, event: Event) -> Bar | None:
        """The try that an event of a handler is about: the last one of that job on that worker."""
        latest = self._latest.get(event.job or '')
        if latest is not None and latest.worker == event.worker:
            return latest
        held = reversed(self._handlers.get(event.worker or '-', {}))
        return next((bar for bar in held if bar.job == event.job), None)

    def _read_outcome(self, event: Event) -> None:
        status = str(event.detail.get('status'))
        error = event.detail.get('error')
        self.chart.states[event.job or ''] = status
        if (bar := self._close(event)) is None:
            return
        bar.error = first_line(error) if error else ''
        if status == 'finished':
            bar.how = 'finished'
        elif bar.how != 'timeout':
            bar.how = 'timeout' if bar.error.lower().startswith('timeout') else 'failed'

    def _read_release(self, event: Event) -> None:
        self.chart.states[event.job or ''] = 'pending'
        if (bar := self._close(event)) is not None:
            bar.how = 'released'

    def _read_rescue(self, event: Event) -> None:
        status = str(event.detail.get('status', 'pending'))
        self.chart.states[event.job or ''] = status
        if (bar := self._close(event)) is not None:
            bar.how, bar.error = 'lost', 'worker lost'

    def _read_cancel(self, event: Event) -> None:
        if (bar := self._close(event)) is not None:
            bar.how = 'cancelled'
        self.chart.states[event.job or ''] = 'cancelled'

    def _read_retry(self, event: Event) -> None:
        self.chart.states[event.job or ''] = 'pending'

    def _read_unrun(self, event: Event) -> None:
        self.chart.states[event.job or ''] = 'error'

    def _close(self, event: Event) -> Bar | None:
        bar = self._latest.get(event.job or '')
        if bar is None or bar.end is not None:
            return None
        bar.end = event.at
        run_at = event.detail.get('run_at')
        if run_at is not None and event.detail.get('status') == 'pending':
            bar.due = round((run_at - self._timeline.start).total_seconds() * 1e6) * 1000
        return bar

    # Workers

    def _read_worker(self, event: Event) -> None:
        state, worker = event.detail.get('state'), event.worker or '-'
        if state == 'start':
            self._end_gone(worker, event.at)
        elif state == 'exit':
            self._leave(worker, event.at, 'exited')

    def _read_crash(self, event: Event) -> None:
        self._leave(event.worker or '-', event.at, 'crashed')

    def _leave(self, worker: str, at: int, how: str) -> None:
        """The process is gone, and with it what its handlers did."""
        self._end_stall(worker, at)
        self._end_gone(worker, at)
        self._gone[worker] = at, how
        for bar in self._handlers.get(worker, {}):
            bar.ran = at
            if bar.how == 'running':
                bar.how = 'lost'
        self._handlers[worker] = {}

    def _end_gone(self, worker: str, at: int) -> None:
        if worker in self._gone:
            since, how = self._gone.pop(worker)
            self._band(worker, since, at, how, f'{worker} {how}')

    def _read_stall(self, event: Event) -> None:
        worker = event.worker or '-'
        self._end_stall(worker, event.at)
        self._stalled[worker] = event.at, _until(event, self.chart.end)

    def _read_resume(self, event: Event) -> None:
        self._end_stall(event.worker or '-', event.at)

    def _end_stall(self, worker: str, at: int) -> None:
        if worker in self._stalled:
            since, until = self._stalled.pop(worker)
            self._band(worker, since, min(until, at), 'stalled', f'{worker} stalled')

    def _read_fault(self, event: Event) -> None:
        if event.detail.get('seconds') is None:
            return
        text = str(event.detail.get('fault', 'fault'))
        where = event.worker or _REACHES.get(text.split(' ')[0].lower(), 'all')
        kind = 'hang' if 'hang' in text else 'down'
        self._band(where, event.at, _until(event, self.chart.end), kind, text)

    def _band(self, where: str, start: int, end: int, kind: str, text: str) -> None:
        self.chart.bands.append(Band(where, start, min(end, self.chart.end), kind, text))

    # Points

    def _mark(self, event: Event) -> None:
        kind = event.kind
        if kind == 'worker':
            kind = str(event.detail.get('state'))
            if kind == 'start' and event.at == 0:
                return  # that is no news
        text, job = self._timeline.words(event), job_of(self._timeline, event)
        self.chart.marks.append(Mark(event.at, kind, event.worker, job, text))

    def _finish(self) -> None:
        end = self.chart.end
        for worker in list(self._stalled):
            self._end_stall(worker, end)
        for worker in list(self._gone):
            self._end_gone(worker, end)
        for bar in self.chart.bars:
            if bar.ran is None:
                bar.ran = end if bar.observed or bar.end is None else bar.end
        _pack(self.chart.bars)


def _until(event: Event, default: int) -> int:
    seconds = event.detail.get('seconds')
    return default if seconds is None else event.at + round(float(seconds) * 1e9)


def _pack(bars: Iterable[Bar]) -> None:
    """Give each try a row of its worker's lane in which no other runs at that time."""
    busy: dict[str, list[int]] = {}
    for bar in bars:
        rows = busy.setdefault(bar.worker, [])
        free = next((row for row, until in enumerate(rows) if until < bar.start), len(rows))
        bar.slot = min(free, MOST_SLOTS - 1)
        if bar.slot == len(rows):
            rows.append(0)
        rows[bar.slot] = max(rows[bar.slot], bar.ran or bar.start, bar.end or 0)


# The scale

Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Break:
    """An idle gap, drawn as if it lasted `width` nanoseconds."""

    start: int
    end: int
    width: int


def breaks_of(chart: Chart) -> list[Break]:
    """The idle gaps that are so long that nothing else could be seen beside them."""
    idle, busy = _gaps(chart)
    limit = _longest_short([end - start for start, end in idle + busy])
    long = [(start, end) for start, end in idle if end - start > limit]
    hidden = sum(end - start for start, end in long)
    shown = chart.end - hidden
    if hidden <= 1.2 * shown or not long:
        return []
    width = max(shown * 0.6 / len(long), limit * 1.2)
    least = min(end - start for start, end in long)
    return [Break(start, end, _shortened(end - start, least, width)) for start, end in long]


def _shortened(length: int, least: int, width: float) -> int:
    """A longer gap is to look longer, if only a little."""
    return min(length, round(width * (1 + 0.3 * math.log10(length / least))))


def _gaps(chart: Chart) -> tuple[list[Gap], list[Gap]]:
    """The stretches between one thing that happens and the next: no try runs, or some do."""
    running = sorted((bar.start, max(bar.start, bar.ran or 0)) for bar in chart.bars)
    points = {0, chart.end}
    points.update(itertools.chain.from_iterable(running))
    points.update(bar.end for bar in chart.bars if bar.end is not None)
    points.update(mark.at for mark in chart.marks)
    points.update(itertools.chain.from_iterable((band.start, band.end) for band in chart.bands))
    idle: list[Gap] = []
    busy: list[Gap] = []
    until, index = 0, 0
    for start, end in itertools.pairwise(sorted(points)):
        while index < len(running) and running[index][0] <= start:
            until = max(until, running[index][1])
            index += 1
        (busy if until > start else idle).append((start, end))
    return idle, busy


def _longest_short(lengths: Sequence[int]) -> float:
    """Where lengths fall into short and long ones: below the widest jump, if it is wide."""
    ordered = sorted(lengths)
    jumps = [(long / short, -short) for short, long in itertools.pairwise(ordered)]
    if not jumps:
        return math.inf
    ratio, short = max(jumps)
    return -short if ratio >= 4 else math.inf
