"""A plan as a scenario file, as far as its steps can express it."""

from pathlib import Path
from typing import Any

import yaml

from wumai_testing.explore.application import App
from wumai_testing.explore.driver import Result
from wumai_testing.explore.plan import PlannedFault, PlannedJob
from wumai_testing.faults import FAULTS

Timed = tuple[float, dict[str, Any]]


def save(result: Result, app: App, path: Path) -> list[str]:
    """Write the scenario of `result`; what it cannot express is returned, and noted in the file."""
    text, left_out = scenario(result, app)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    return left_out


def scenario(result: Result, app: App) -> tuple[str, list[str]]:
    """The text of the scenario, and what is not in it."""
    assert result.broken is not None
    plan = result.plan
    timed: list[Timed] = []
    left_out = _standing(result)
    for number, job in enumerate(plan.jobs, 1):
        step = _job(job, f'job{number}', app)
        timed.append((job.at, step)) if step else left_out.append(f'{job.action} at {job.at:g}s')
    for fault in result.struck:
        step = _fault(fault)
        timed.append((fault.at, step)) if step else left_out.append(str(fault))
    initial = len(plan.workers)
    timed += [(at, {'start': name}) for at, name in result.starts[initial:]]
    document = {
        'scenario': f'Seed {plan.seed} breaks: {result.broken.invariant}',
        'app': app.name,
        'workers': initial,
        'worker': dict(plan.options),
        'steps': [*_with_pauses(timed), {'run': 'idle', 'within': '1d'}, _expect(result)],
    }
    head = f'# {result.broken.message.splitlines()[0]}\n'
    head += ''.join(f'# not expressed here: {line}\n' for line in left_out)
    return head + yaml.safe_dump(document, sort_keys=False, width=100), left_out


def _standing(result: Result) -> list[str]:
    found = [f'latency of {result.plan.latency:g} s at each statement']
    for one in result.plan.workers:
        if one.skew or one.drift:
            found.append(f'the clock of {one.name} is off by {one.skew:g} s')
        if one.lacks:
            found.append(f'{one.name} does not know {one.lacks}')
    return found


def _with_pauses(timed: list[Timed]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    now = 0.0
    for at, step in sorted(timed, key=lambda one: one[0]):
        if at > now:
            steps.append({'advance': f'{round(at - now, 3):g}s'})
            now = at
        steps.append(step)
    return steps


def _job(job: PlannedJob, name: str, app: App) -> dict[str, Any] | None:
    if job.columns is not None or job.then:
        return None
    if job.action in app.routes:
        return {'call': {'action': job.action, **job.params}}
    step: dict[str, Any] = {'as': name, 'action': job.action}
    if job.params:
        step['params'] = dict(job.params)
    step |= {'try_period': job.try_period, 'try_max': job.try_max}
    if job.delay is not None:
        step['run_at'] = f'+{job.delay:g}s'
    return {'job': step}


def _fault(fault: PlannedFault) -> dict[str, Any] | None:
    lasting = f'{fault.seconds:g}s'
    if fault.kind in FAULTS:
        return {'database': {'next': fault.kind, 'by': fault.target}}
    channel, _, what = fault.kind.partition(' ')
    steps: dict[str, dict[str, Any]] = {
        'crash': {'crash': fault.target},
        'stall': {'stall': {'worker': fault.target, 'for': lasting}},
        'stop': {'stop': fault.target},
        'connections drop': {'database': {'down': '0.001s'}},
        'database down': {'database': {'down': lasting}},
        'database hang': {'database': {'hang': lasting}},
    }
    if channel in ('slack', 'sms') and what in ('down', 'hang'):
        return {channel: {what: lasting}}
    return steps.get(fault.kind)


def _expect(result: Result) -> dict[str, Any]:
    """All jobs have ended, and each failed try was told."""
    names = [
        f'job{number}'
        for number, job in enumerate(result.plan.jobs, 1)
        if job.columns is None and not job.then
    ]
    wanted: dict[str, Any] = {'running': 0}
    if names:
        wanted['jobs'] = {name: {'status': '~^(finished|error)$'} for name in names}
    return {'expect': wanted}
