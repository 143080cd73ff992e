"""The jobs of a run, drawn from its seed."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wumai_testing.explore.plan import PlannedJob

Examples = Mapping[str, Sequence[Mapping[str, Any]]]
MOST, MOST_AT_ONCE = 14, 20
REGRET = 0.15
"""The part of the runs in which users retry what they have just cancelled."""
LATE = 0.3
"""The part of the runs in which jobs also come long after all faults."""
LATEST = 180.0
"""Seconds after the last fault."""

_ODD_COLUMNS: tuple[dict[str, Any], ...] = (
    {'try_period': None, 'try_max': None, 'trys': None, 'run_at': None, 'params': None},
    {'params': ''},
    {'params': 'no json'},
    {'params': '[1]'},
    {'trys': 5, 'try_max': 5},
    {'try_max': 0},
    {'try_period': -5},
    {'updated': None, 'created': None},
    {'status': 'running', 'updated': None},
    {'status': 'running', 'result': 'no token'},
)
"""Rows as other programs write them."""


def draw_jobs(
    seed: int,
    actions: Sequence[str],
    examples: Examples,
    options: Mapping[str, Any],
    span: float,
    calls: Collection[str] = (),
) -> list[PlannedJob]:
    """Between 3 and 20 jobs in the first part of the `span`, and at times some long after it, when
    nothing is wrong any more but what faults have left behind.
    """
    chance = random.Random(f'{seed}/jobs')
    foreign = chance.random() < 0.2
    users = chance.random() < 0.25
    bursts = chance.random() < 0.3
    jobs = []
    for _ in range(chance.randint(3, MOST_AT_ONCE if bursts else MOST)):
        action = chance.choice(list(actions))
        given = examples.get(action) or [{}]
        job = PlannedJob(
            at=round(_draw_time(chance, span * 0.7, bursts=bursts), 3),
            action=action,
            params=_scaled(chance.choice(list(given)), options),
            try_period=chance.choice([0, 1, 2, 5, 20]),
            try_max=chance.choice([1, 2, 2, 3, 5]),
            delay=chance.choice([None, None, None, round(chance.uniform(0, 20), 3)]),
            columns=chance.choice(_ODD_COLUMNS) if foreign and chance.random() < 0.3 else None,
            then=_draw_wishes(chance) if users else (),
        )
        jobs.append(job if action not in calls else PlannedJob(job.at, action, job.params))
    regret = random.Random(f'{seed}/regret')
    if regret.random() < REGRET:
        jobs = [job if job.action in calls else _regretted(regret, job) for job in jobs]
    jobs += _draw_late(random.Random(f'{seed}/late'), jobs, span)
    return sorted(jobs, key=lambda job: job.at)


def _draw_late(chance: random.Random, jobs: Sequence[PlannedJob], span: float) -> list[PlannedJob]:
    """Some of the jobs once more."""
    if chance.random() >= LATE:
        return []
    again = [chance.choice(jobs) for _ in range(chance.randint(1, 4))]
    return [replace(job, at=round(span + chance.uniform(0, LATEST), 3)) for job in again]


def _draw_time(chance: random.Random, span: float, *, bursts: bool) -> float:
    if bursts:  # all at one of two moments
        return chance.choice([0.0, span / 2]) + chance.uniform(0, 0.2)
    return chance.uniform(0, span) * chance.choice([0, 1, 1])


def _draw_wishes(chance: random.Random) -> tuple[tuple[str, float], ...]:
    if chance.random() < 0.5:
        return ()
    wish = chance.choice(['cancel', 'retry'])
    return ((wish, round(chance.uniform(0.1, 15), 3)),)


def _regretted(chance: random.Random, job: PlannedJob) -> PlannedJob:
    """Perhaps cancelled soon after it was due, and retried at once: its handler may still run."""
    if job.columns is not None or chance.random() < 0.5:
        return job
    cancel = (job.delay or 0) + chance.uniform(0.1, 2.5)
    retry = cancel + chance.uniform(0.01, 1)
    return replace(job, then=(('cancel', round(cancel, 3)), ('retry', round(retry, 3))))


def _scaled(params: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`params`, in which text such as 'exec_timeout * 1.5' stands for a number of seconds."""
    return {name: _number(value, options) for name, value in params.items()}


def _number(value: Any, options: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and ' * ' in value:
        option, _, factor = value.partition(' * ')
        if option in options:
            return round(options[option] * float(factor), 3)
    return value
