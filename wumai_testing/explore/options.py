"""What may go wrong in a run: drawn from the seed, each kind in a part of the runs only."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wumai_testing.explore.plan import Aim, Plan, PlannedFault, PlannedWorker
from wumai_testing.explore.workload import Examples, draw_jobs

SPAN, LONG_SPAN = 60.0, 240.0
"""Virtual seconds in which things go wrong, in most runs and in some."""
CLUSTERED = 0.3
"""The part of the faults that come soon after another."""
AIMED = 0.6
"""The part of them that wait for something that a worker does."""

KINDS: dict[str, tuple[float, int]] = {
    # kind: the part of the runs that have it, and how often it strikes there at most
    'crash': (0.4, 3),
    'stall': (0.4, 4),
    'stop': (0.3, 3),
    'rolling restart': (0.1, 1),
    'deadlock': (0.3, 4),
    'lock_timeout': (0.3, 4),
    'lost_before_commit': (0.35, 4),
    'lost_after_commit': (0.4, 4),
    'connections drop': (0.25, 3),
    'connection mute': (0.15, 3),
    'database down': (0.25, 2),
    'database hang': (0.2, 2),
    'database flaps': (0.1, 1),
    'database read-only': (0.15, 2),
    'database slow': (0.15, 1),
    'storm': (0.25, 2),
    'row lock': (0.25, 3),
    'clock step': (0.3, 2),
    'slack down': (0.05, 3),
    'slack hang': (0.05, 3),
    'slack slow': (0.03, 1),
    'slack error': (0.05, 3),
    'sms down': (0.05, 3),
    'sms hang': (0.05, 3),
    'sms slow': (0.03, 1),
    'sms error': (0.05, 3),
}
"""All kinds of faults that are struck at a time."""

OF_A_WORKER = frozenset(
    (
        'crash', 'stall', 'stop', 'deadlock', 'lock_timeout', 'lost_before_commit',
        'lost_after_commit', 'clock step', 'connection mute',
    )
)  # fmt: skip
OF_THE_DATABASE = frozenset(
    (
        'connections drop', 'database down', 'database hang', 'database flaps',
        'database read-only', 'database slow', 'storm',
    )
)  # fmt: skip
RARE = ('midway', 'suspect', 'rescue')
"""What happens a few times in a run, if at all."""
AIMS = ('begin', 'end', 'write', 'suspect', *RARE)
"""What faults may wait for."""
_IN_HANDLERS = ('begin', 'begin', 'begin', 'end', 'write', 'rescue')
_IN_TRANSACTIONS = ('write', 'midway', 'midway', 'midway', 'rescue')
_AIMS_OF = {
    'crash': _IN_HANDLERS,  # so that there is something to rescue
    'stall': _IN_HANDLERS,
    'stop': _IN_HANDLERS,
    'deadlock': _IN_TRANSACTIONS,  # which it undoes, the other does not
    'lock_timeout': _IN_TRANSACTIONS,
}
ANYONE = 0.5
"""The part of what is aimed at workers that strikes whoever gets there first; all that is rare."""
AFTERSHOCK = 0.5
"""The part of the outages after which the database is away again once rows look lost."""
OUTAGES = ('database down', 'database hang', 'database flaps', 'database read-only')
"""Those of which there may be another."""
LONG = {
    'stall': (5 / 3, 4.0),
    'database down': (1.0, 2.5),
    'database hang': (1.0, 2.5),
    'database read-only': (1.0, 2.5),
    'database flaps': (2.0, 5.0),
}
"""What often lasts so many leases that others take jobs, or might."""
STANDING = (
    'clock skew', 'clock drift', 'two versions', 'latency', 'emulated utf8mb3',
    'emulated small packets', 'emulated without SKIP LOCKED',
)  # fmt: skip
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
    """The plan of `seed`; `kinds` of faults that may be in it (default: all).

    In some of the runs one of the workers is alone.
    """
    chance = random.Random(f'{seed}/profile')
    allowed = set(KINDS) | set(STANDING) if kinds is None else set(kinds)
    drawn = {**_draw_options(chance), **(options or {})}
    span = LONG_SPAN if chance.random() < 0.15 else SPAN
    alone = chance.random() < 0.1
    names = [f'w{number}' for number in range(1, 1 + (min(1, workers) if alone else workers))]
    return Plan(
        seed=seed,
        workers=tuple(_draw_workers(seed, names, actions, allowed)),
        jobs=tuple(draw_jobs(seed, actions, examples, drawn, span, calls)),
        faults=tuple(_draw_faults(seed, names, allowed, drawn, span)),
        options=drawn,
        server=_draw_server(chance, allowed),
        latency=_draw_latency(chance) if 'latency' in allowed else 0.0005,
        calm_at=span,
        channel_latency=chance.choice([0.01, 0.1, 0.3]),
    )


def _draw_server(chance: random.Random, allowed: Collection[str]) -> dict[str, Any]:
    narrow, small, old = chance.random() < 0.2, chance.random() < 0.15, chance.random() < 0.1
    small = small and 'emulated small packets' in allowed
    return {
        'narrow': narrow and 'emulated utf8mb3' in allowed,
        'lock_wait': chance.choice([1.0, 5.0, 50.0]),
        'packet': (64 if small else 16 * 1024) * 1024,
        'skips_locked': not (old and 'emulated without SKIP LOCKED' in allowed),
    }


def _draw_options(chance: random.Random) -> dict[str, Any]:
    return {
        'pick_size': chance.choice([1, 3, 10]),
        'exec_size': chance.choice([1, 2, 5]),
        'exec_timeout': chance.choice([2, 5, 15, 15]),
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
    seed: int,
    names: Sequence[str],
    allowed: Collection[str],
    options: Mapping[str, Any],
    span: float,
) -> list[PlannedFault]:
    faults = []
    for kind, (part, most) in KINDS.items():
        # A stream for each kind: what one draws moves nothing of another.
        chance = random.Random(f'{seed}/{kind}')
        if chance.random() >= part or kind not in allowed:
            continue
        for _ in range(chance.randint(1, most)):
            fault = _draw_fault(chance, kind, names, options, span)
            faults += [fault, *_draw_more(chance, fault, options['lease'])]
    faults = _clustered(random.Random(f'{seed}/clusters'), faults, 2.0 * options['lease'])
    faults = [replace(fault, at=min(fault.at, span)) for fault in faults]
    return sorted(faults, key=lambda fault: fault.at)


def _clustered(
    chance: random.Random, faults: Sequence[PlannedFault], within: float
) -> list[PlannedFault]:
    """Faults come together: some are moved to soon after another, on the same worker at times."""
    moved = []
    for fault in faults:
        if chance.random() < CLUSTERED and not (fault.aim and fault.aim.at in RARE):
            other = chance.choice(faults)
            at = round(other.at + chance.uniform(0, within), 3)
            both = fault.target and other.target and chance.random() < 0.5
            fault = replace(fault, at=at, target=other.target if both else fault.target)
        moved.append(fault)
    return moved


def _draw_more(chance: random.Random, fault: PlannedFault, lease: float) -> Iterator[PlannedFault]:
    """What follows a fault: a clock that steps may do so again soon, an outage have aftershocks."""
    if fault.kind == 'clock step':
        while chance.random() < 0.4:
            fault = replace(fault, at=round(fault.at + chance.uniform(0.1, 3), 3))
            yield fault
    elif fault.kind in OUTAGES and chance.random() < AFTERSHOCK:
        seconds = round(_draw_seconds(chance, fault.kind, lease), 3)
        yield replace(fault, seconds=seconds, aim=Aim('suspect'))


def _draw_fault(
    chance: random.Random,
    kind: str,
    names: Sequence[str],
    options: Mapping[str, Any],
    span: float,
) -> PlannedFault:
    fault = PlannedFault(
        at=round(chance.uniform(0.2, span), 3),
        kind=kind,
        target=chance.choice(list(names)) if kind in OF_A_WORKER and names else None,
        seconds=round(_draw_seconds(chance, kind, options['lease']), 3),
        aim=_draw_aim(chance, kind),
    )
    if fault.aim is not None and fault.aim.at in RARE:
        return replace(fault, at=round(fault.at / 4, 3), target=None)  # waits from early on
    anyone = fault.aim is not None and chance.random() < ANYONE
    return replace(fault, target=None) if anyone else fault


def _draw_aim(chance: random.Random, kind: str) -> Aim | None:
    if kind not in OF_A_WORKER | OF_THE_DATABASE or chance.random() >= AIMED:
        return None
    at = chance.choice(_AIMS_OF.get(kind, AIMS))
    return Aim(at, 0 if at in RARE else chance.choice([0, 0, 1, 2]))


def _draw_seconds(chance: random.Random, kind: str, lease: float) -> float:
    if kind == 'clock step':
        return chance.choice([-1, 1, 1]) * chance.choice([0.4, 3, 40, 4000])
    if kind in LONG and chance.random() < 0.6:
        return chance.uniform(*LONG[kind]) * lease
    if kind.startswith(('slack', 'sms')):
        return chance.uniform(5, 40)
    longest = {
        'crash': 10.0,
        'stop': 10.0,
        'stall': 3.0 * lease,
        'database down': 2.5 * lease,
        'database hang': 2.5 * lease,
        'database flaps': 4.0 * lease,
        'database read-only': 2.5 * lease,
        'database slow': 15.0,
        'storm': 15.0,
        'row lock': 20.0,
    }
    return chance.random() ** 2 * longest.get(kind, 10.0)
