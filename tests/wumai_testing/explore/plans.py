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


def second_disk(**options: Any) -> Plan:
    """With which the app `disks` breaks its invariant: two jobs more and a fault are not needed."""
    jobs = [PlannedJob(at, 'CreateInstance', {'size': 10}) for at in (0.0, 0.5, 1.0)]
    faults = [PlannedFault(4.0, 'crash', 'w1', 1.0), PlannedFault(3.0, 'slack down', seconds=5)]
    return plan(*jobs, faults=faults, workers=1, **{'exec_timeout': 60, **options})
