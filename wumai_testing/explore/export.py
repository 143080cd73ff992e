"""A broken run as a scenario file, as far as its steps can express it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from wumai_testing.explore.application import App, name_of
from wumai_testing.explore.checkers.ends import Endings
from wumai_testing.explore.driver import Result
from wumai_testing.explore.plan import PlannedFault, PlannedJob
from wumai_testing.explore.shrink import CALM
from wumai_testing.faults import FAULTS
from wumai_testing.scenario.outcome import FAILED, run_simulated

Timed = tuple[float, dict[str, Any]]

_SHIFTS = (0.0, *(sign * tenths / 10 for tenths in range(2, 21, 2) for sign in (1, -1)))
"""Seconds by which faults are moved until the scenario fails: its workers poll at other moments."""


@dataclass(frozen=True)
class Exported:
    """What has become of a run."""

    left_out: list[str]
    """What the file does not express."""
    fails: bool
    """Whether the scenario fails as the run does."""


def save(result: Result, app: App, path: Path) -> Exported:
    """Write the scenario of `result`, with its faults where they make it fail as the run does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sign = _sign(result, app)
    for shift in _SHIFTS if sign else ():
        text, left_out = scenario(_shifted(result, shift), app)
        path.write_text(text, encoding='utf-8')
        outcome = run_simulated(path)
        if outcome.status == FAILED and sign in outcome.message:
            return Exported(left_out, fails=True)
    text, left_out = scenario(result, app)
    path.write_text(text, encoding='utf-8')
    return Exported(left_out, fails=False)


def _shifted(result: Result, seconds: float) -> Result:
    """The run with its faults and what follows from them so much later."""
    struck = [replace(one, at=max(0.0, one.at + seconds)) for one in result.struck]
    starts = [(at + seconds if at else at, name) for at, name in result.starts]
    return replace(result, struck=struck, starts=starts)


def _sign(result: Result, app: App) -> str:
    """What the scenario runner says where it sees what the run saw: '' if it does not look."""
    assert result.broken is not None
    invariant = result.broken.invariant
    if invariant == Endings.invariant:
        return ' not ended: '
    return invariant if invariant in map(name_of, app.invariants) else ''


def scenario(result: Result, app: App) -> tuple[str, list[str]]:
    """The text of the scenario, and what is not in it."""
    assert result.broken is not None
    plan = result.plan
    names = {one.name: f'w{number}' for number, one in enumerate(plan.workers, 1)}
    timed: list[Timed] = []
    left_out = _standing(result)
    for number, job in enumerate(plan.jobs, 1):
        steps = _job(job, f'job{number}', app)
        timed.extend(steps)
        if not steps:
            left_out.append(f'{job.action} at {job.at:g}s')
    for fault in result.struck:
        step = _fault(fault, names.get(fault.target or ''))
        timed.append((fault.at, step)) if step else left_out.append(str(fault))
    timed += [(at, {'start': names[name]}) for at, name in result.starts[len(names) :]]
    document = {
        'scenario': f'{result.broken.invariant} (seed {plan.seed})',
        'app': app.name,
        'workers': len(names),
        'worker': dict(plan.options),
        'steps': [*_with_pauses(timed), {'run': 'idle', 'within': '1d'}, _expect(timed)],
    }
    head = f'# {result.broken.message.splitlines()[0]}\n'
    head += ''.join(f'# not expressed here: {line}\n' for line in left_out)
    return head + yaml.safe_dump(document, sort_keys=False, width=100), left_out


def _standing(result: Result) -> list[str]:
    latency = result.plan.latency
    found = [f'latency of {latency:g} s at each statement'] if latency > CALM else []
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


def _job(job: PlannedJob, name: str, app: App) -> list[Timed]:
    """The steps of a job; none where they cannot express it."""
    if job.columns is not None:
        return []
    if job.action in app.routes:
        return [(job.at, {'call': {'action': job.action, **job.params}})]
    step: dict[str, Any] = {'as': name, 'action': job.action}
    if job.params:
        step['params'] = dict(job.params)
    step |= {'try_period': job.try_period, 'try_max': job.try_max}
    if job.delay is not None:
        step['run_at'] = f'+{job.delay:g}s'
    timed: list[Timed] = [(job.at, {'job': step})]
    for wish, after in job.then:  # each so long after the one before
        timed.append((timed[-1][0] + after, {wish: name}))
    return timed


def _fault(fault: PlannedFault, worker: str | None) -> dict[str, Any] | None:
    lasting = f'{fault.seconds:g}s'
    if fault.kind in FAULTS:
        return {'database': {'next': fault.kind, 'by': worker}}
    channel, _, what = fault.kind.partition(' ')
    steps: dict[str, dict[str, Any]] = {
        'crash': {'crash': worker},
        'stall': {'stall': {'worker': worker, 'for': lasting}},
        'stop': {'stop': worker},
        'connections drop': {'database': {'down': '0.001s'}},
        'database down': {'database': {'down': lasting}},
        'database hang': {'database': {'hang': lasting}},
        'database read-only': {'database': {'read_only': lasting}},
    }
    if channel in ('slack', 'sms') and what in ('down', 'hang'):
        return {channel: {what: lasting}}
    return steps.get(fault.kind)


def _expect(timed: list[Timed]) -> dict[str, Any]:
    """All jobs have ended."""
    names = [step['job']['as'] for _, step in timed if 'job' in step]
    wanted: dict[str, Any] = {'running': 0}
    if names:
        wanted['jobs'] = {name: {'status': '~^(finished|error)$'} for name in names}
    return {'expect': wanted}
