"""Plans written by hand: what is told must not change its meaning with what a seed draws."""

from collections.abc import Sequence
from typing import Any

from wumai_testing.explore.plan import Plan, PlannedFault, PlannedJob, PlannedWorker

OPTIONS = {
    'pick_size': 10, 'exec_size': 5, 'exec_timeout': 5, 'poll_interval': 1, 'lease': 6, 'grace': 1,
}  # fmt: skip


def plan(
    *jobs: PlannedJob,
    faults: Sequence[PlannedFault] = (),
    workers: int = 1,
    calm_at: float = 60.0,
    **options: Any,
) -> Plan:
    """These jobs and faults, and workers w1, w2, ... whose clocks are right."""
    return Plan(
        seed=0,
        workers=tuple(PlannedWorker(f'w{number}') for number in range(1, workers + 1)),
        jobs=jobs,
        faults=tuple(faults),
        options=OPTIONS | options,
        server={},
        latency=0.001,
        calm_at=calm_at,
    )
