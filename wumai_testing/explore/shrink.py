"""Makes a plan that breaks an invariant as small as it gets, and still breaks the same one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from wumai_testing.explore.driver import Result
from wumai_testing.explore.plan import Plan

MOST_RUNS = 250

Part = tuple[str, object]
"""The name of a field of the plan, and one of its elements."""


def shrink(found: Result, run: Callable[[Plan], Result], most: int = MOST_RUNS) -> Result:
    """The smallest result found within `most` runs; `run` runs a plan as it was run before."""
    return _Shrinker(found, run, most).shrunk()


class _Shrinker:
    def __init__(self, found: Result, run: Callable[[Plan], Result], most: int) -> None:
        assert found.broken is not None
        self._invariant = found.broken.invariant
        self._best = found
        self._run = run
        self._left = most

    def shrunk(self) -> Result:
        before = None
        while before is not self._best.plan and self._left > 0:
            before = self._best.plan
            self._cut()
            for simpler in _simpler(self._best.plan):
                self._try(simpler)
        return self._best

    def _cut(self) -> None:
        """Leave out parts: half of them, a quarter, ... and then one by one."""
        size = max(1, len(_parts(self._best.plan)) // 2)
        while size >= 1:
            start = 0
            while start < len(parts := _parts(self._best.plan)) and self._left > 0:
                gone = parts[start : start + size]
                if not self._try(_less(self._best.plan, gone)):
                    start += size
            size //= 2

    def _try(self, plan: Plan) -> bool:
        if self._left <= 0 or plan == self._best.plan or not plan.workers:
            return False
        self._left -= 1
        result = self._run(plan)
        broken = result.broken is not None and result.broken.invariant == self._invariant
        if broken:
            self._best = result
        return broken


def _parts(plan: Plan) -> list[Part]:
    names = ('faults', 'jobs', 'workers')
    return [(name, element) for name in names for element in getattr(plan, name)]


def _less(plan: Plan, gone: Sequence[Part]) -> Plan:
    left = [part for part in _parts(plan) if not any(part is one or part == one for one in gone)]

    def kept(name: str) -> tuple[object, ...]:
        return tuple(element for of, element in left if of == name)

    return replace(
        plan,
        faults=kept('faults'),  # type: ignore[arg-type]
        jobs=kept('jobs'),  # type: ignore[arg-type]
        workers=kept('workers'),  # type: ignore[arg-type]
    )


def _simpler(plan: Plan) -> Iterator[Plan]:
    """The same parts with less about them."""
    last = max([*(one.at for one in plan.faults), *(one.at for one in plan.jobs)], default=0.0)
    yield replace(plan, calm_at=last + 1)
    yield replace(plan, latency=0.0005)
    yield replace(
        plan,
        workers=tuple(replace(one, skew=0.0, drift=0.0, lacks=None) for one in plan.workers),
    )
    yield replace(plan, jobs=tuple(replace(job, then=()) for job in plan.jobs))
    yield replace(plan, jobs=tuple(replace(job, delay=None) for job in plan.jobs))
    for index, fault in enumerate(plan.faults):
        if fault.seconds > 1 and fault.kind != 'clock step':
            faults = list(plan.faults)
            faults[index] = replace(fault, seconds=round(fault.seconds / 2, 3))
            yield replace(plan, faults=tuple(faults))
    for index, job in enumerate(plan.jobs):
        if job.try_max > 1:
            jobs = list(plan.jobs)
            jobs[index] = replace(job, try_max=1)
            yield replace(plan, jobs=tuple(jobs))
