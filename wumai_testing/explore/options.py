"""What may go wrong in a run: drawn from the seed, each kind in a part of the runs only."""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wumai_testing.explore.plan import Plan, PlannedFault, PlannedWorker
from wumai_testing.explore.workload import Examples, draw_jobs

SPAN = 60.0
"""Virtual seconds in which things go wrong."""

KINDS: dict[str, tuple[float, int]] = {
    # kind: the part of the runs that have it, and how often it strikes there at most
    'crash': (0.35, 3),
    'stall': (0.35, 3),
    'stop': (0.3, 3),
    'rolling restart': (0.1, 1),
    'deadlock': (0.3, 4),
    'lock_timeout': (0.3, 4),
    'lost_before_commit': (0.35, 4),
    'lost_after_commit': (0.35, 4),
    'connections drop': (0.25, 3),
    'database down': (0.25, 2),
    'database hang': (0.2, 2),
    'database slow': (0.15, 1),
    'row lock': (0.25, 3),
    'clock step': (0.2, 2),
    'slack down': (0.1, 1),
    'slack hang': (0.1, 1),
    'slack slow': (0.1, 1),
    'sms down': (0.1, 1),
    'sms hang': (0.1, 1),
    'sms error': (0.1, 1),
}
"""All kinds of faults that are struck at a time."""

OF_A_WORKER = frozenset(
    (
        'crash', 'stall', 'stop', 'deadlock', 'lock_timeout', 'lost_before_commit',
        'lost_after_commit', 'clock step',
    )
)  # fmt: skip
STANDING = ('clock skew', 'clock drift', 'two versions', 'latency', 'emulated utf8mb3')
"""Kinds that are there from the start of a run, or are not."""


def draw_plan(
    seed: int,
    actions: Sequence[str],
    examples: Examples,
    *,
    workers: int = 3,
    kinds: Collection[str] | None = None,
    options: Mapping[str, Any] | None = None,
    calls: Collection[str] = (),
) -> Plan:
    """The plan of `seed`; `kinds` of faults that may be in it (default: all)."""
    chance = random.Random(f'{seed}/profile')
    allowed = set(KINDS) | set(STANDING) if kinds is None else set(kinds)
    drawn = {**_draw_options(chance), **(options or {})}
    names = [f'w{number}' for number in range(1, workers + 1)]
    return Plan(
        seed=seed,
        workers=tuple(_draw_workers(seed, names, actions, allowed)),
        jobs=tuple(draw_jobs(seed, actions, examples, drawn, SPAN, calls)),
        faults=tuple(_draw_faults(seed, names, allowed, drawn)),
        options=drawn,
        server={
            'narrow': 'emulated utf8mb3' in allowed and chance.random() < 0.2,
            'lock_wait': chance.choice([1.0, 5.0, 50.0]),
            'packet': 16 * 1024 * 1024,
        },
        latency=_draw_latency(chance) if 'latency' in allowed else 0.0005,
        calm_at=SPAN,
    )


def _draw_options(chance: random.Random) -> dict[str, Any]:
    return {
        'pick_size': chance.choice([1, 3, 10]),
        'exec_size': chance.choice([1, 2, 5]),
        'exec_timeout': chance.choice([2, 5, 15]),
        'poll_interval': chance.choice([1, 2]),
        'lease': chance.choice([3, 6, 15]),
        'grace': chance.choice([0, 1, 5]),
    }


def _draw_latency(chance: random.Random) -> float:
    return chance.choice([0.0005, 0.003, 0.01, 0.05])


def _draw_workers(
    seed: int, names: Sequence[str], actions: Sequence[str], allowed: Collection[str]
) -> list[PlannedWorker]:
    chance = random.Random(f'{seed}/workers')
    skewed = 'clock skew' in allowed and chance.random() < 0.4
    drifting = 'clock drift' in allowed and chance.random() < 0.2
    versions = 'two versions' in allowed and chance.random() < 0.2
    drawn = []
    for index, name in enumerate(names):
        skew = round(chance.uniform(-30, 30), 3) * (chance.random() < 0.7)
        drift = round(chance.uniform(-0.001, 0.001), 6)
        lacks = chance.choice(list(actions)) if chance.random() < 0.5 else None
        drawn.append(
            PlannedWorker(
                name,
                skew if skewed else 0.0,
                drift if drifting else 0.0,
                lacks if versions and index else None,
            )
        )
    return drawn


def _draw_faults(
    seed: int, names: Sequence[str], allowed: Collection[str], options: Mapping[str, Any]
) -> list[PlannedFault]:
    faults = []
    for kind, (part, most) in KINDS.items():
        # A stream for each kind: what one draws moves nothing of another.
        chance = random.Random(f'{seed}/{kind}')
        if chance.random() >= part or kind not in allowed:
            continue
        times = chance.randint(1, most)
        faults += [_draw_fault(chance, kind, names, options) for _ in range(times)]
    return sorted(faults, key=lambda fault: fault.at)


def _draw_fault(
    chance: random.Random, kind: str, names: Sequence[str], options: Mapping[str, Any]
) -> PlannedFault:
    lease = options['lease']
    longest = {
        'crash': 10.0,
        'stop': 10.0,
        'stall': 3.0 * lease,
        'database down': 2.5 * lease,
        'database hang': 2.5 * lease,
        'database slow': 15.0,
        'row lock': 8.0,
        'slack hang': 40.0,
        'sms hang': 40.0,
    }
    if kind == 'clock step':
        seconds = chance.choice([-1, 1]) * chance.choice([0.4, 3, 40, 4000])
    else:
        seconds = chance.random() ** 2 * longest.get(kind, 10.0)
    return PlannedFault(
        at=round(chance.uniform(0.2, SPAN), 3),
        kind=kind,
        target=chance.choice(list(names)) if kind in OF_A_WORKER and names else None,
        seconds=round(seconds, 3),
    )
