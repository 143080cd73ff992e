"""A broken invariant as a person wants to read it."""

from collections.abc import Mapping, Sequence
from typing import Any

from wumai_testing import places
from wumai_testing.explore.application import App
from wumai_testing.explore.driver import Result
from wumai_testing.explore.plan import PlannedJob

UNREPEATED = (
    'but:     a second run of this seed went another way, so this one may tell nothing: the app '
    'hangs on what is kept between runs, or on what the seed does not draw'
)
LINES = 60
"""Of a timeline that are shown; the first ones are left out."""


def describe(result: Result, app: App, replay: str) -> str:
    """The seed, the invariant, what made up the run, its timeline, and how to see it again."""
    broken, plan = result.broken, result.plan
    assert broken is not None
    lines = [
        f'seed {plan.seed} breaks {broken}',
        '',
        f'workers: {_workers(result)}',
        f'options: {_listed(plan.options)}',
        *([f'server:  {_listed(plan.server)}'] if plan.server else []),
        *(_job(job, app) for job in plan.jobs),
        *(f'fault:   {fault}' for fault in plan.faults),
        '',
        *_tail(result.text),
    ]
    if broken.job and (line := handler_line(result, app)):
        lines += ['', f'handler: {line}']
    lines += ['', f'again:   {replay}']
    return '\n'.join(lines if result.repeats else [*lines, UNREPEATED])


def _listed(values: Mapping[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in values.items())


def _workers(result: Result) -> str:
    told = []
    for one in result.plan.workers:
        more = [f'clock off by {one.skew:g} s'] if one.skew else []
        more += [f'drifting {one.drift:g} s/s'] if one.drift else []
        more += [f'without {one.lacks}'] if one.lacks else []
        told.append(f'{one.name} ({", ".join(more)})' if more else one.name)
    return ', '.join(told) + f'; latency {result.plan.latency:g} s'


def _job(job: PlannedJob, app: App) -> str:
    if job.action in app.routes:
        return f'call:    {job.at:g}s {job.action} {_shown(job, ["params"])}'
    names = ['params', 'try_period', 'try_max', 'delay', 'columns', 'then']
    return f'job:     {job.at:g}s {job.action} {_shown(job, names)}'


def _shown(job: PlannedJob, names: Sequence[str]) -> str:
    values = {name: getattr(job, name) for name in names}
    return ' '.join(f'{name}={value}' for name, value in values.items() if value)


def _tail(text: str) -> list[str]:
    lines = text.splitlines()
    skipped = len(lines) - LINES
    return lines if skipped <= 0 else [f'... {skipped} lines before', *lines[-LINES:]]


def handler_line(result: Result, app: App) -> str | None:
    """Where the handler is that the broken job ran."""
    broken = result.broken
    action = result.actions.get(broken.job) if broken and broken.job else None
    handler = app.job_routes.get(action) if action else None
    if handler is None:
        return None
    place = places.of_function(handler)
    return f'{action} in {place}' if place else None
