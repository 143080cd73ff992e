"""Makes a plan that breaks an invariant as small as it gets, and still breaks the same one."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Any

from wumai_testing.explore.driver import Result
from wumai_testing.explore.plan import Plan

MOST_RUNS = 250
MOST_SECONDS = 60.0
"""Real ones, for runs that are slow."""
MOST_BEGINS = 4
"""Of handlers, at which a fault is tried."""
CALM = 0.0005
"""The least latency."""

Part = tuple[str, object]
"""The name of a field of the plan, and one of its elements."""

_clock = time.perf_counter  # which is real, also in virtual time


def shrink(found: Result, run: Callable[[Plan], Result]) -> Result:
    """The smallest result found in time; `run` runs a plan as it was run before."""
    return _Shrinker(found, run).shrunk()


class _Shrinker:
    def __init__(self, found: Result, run: Callable[[Plan], Result]) -> None:
        assert found.broken is not None
        self._invariant = found.broken.invariant
        self._best = found
        self._run_plan = run
        self._results: dict[str, Result] = {}
        self._until = _clock() + MOST_SECONDS

    def shrunk(self) -> Result:
        before = None
        self._try(replace(self._best.plan, faults=tuple(self._best.struck)))  # at times, not aimed
        self._try(_calmer(self._best.plan))  # soon, so that the runs after it are shorter
        while before != self._best.plan and not self._is_over():
            before = self._best.plan
            self._cut()
            for simplify in _SIMPLIFICATIONS:
                self._simplify(simplify)
            self._move()
        return self._best

    def _is_over(self) -> bool:
        return len(self._results) >= MOST_RUNS or _clock() > self._until

    def _run(self, plan: Plan) -> Result:
        key = repr(plan)
        if key not in self._results:
            self._results[key] = self._run_plan(plan)
        return self._results[key]

    def _try(self, plan: Plan) -> bool:
        if self._is_over() or plan == self._best.plan or not plan.workers:
            return False
        result = self._run(plan)
        broken = result.broken is not None and result.broken.invariant == self._invariant
        if broken:
            self._best = result
        return broken

    def _simplify(self, simplify: Callable[[Plan], Iterator[Plan]]) -> None:
        """Try one after the other of what it yields, each made of the best plan until then."""
        for number in count():
            simpler = next(islice(simplify(self._best.plan), number, None), None)
            if simpler is None:
                return
            self._try(simpler)

    def _cut(self) -> None:
        """Leave out parts: half of them, a quarter, ... and then one by one."""
        size = max(1, len(_parts(self._best.plan)) // 2)
        while size >= 1:
            start = 0
            while start < len(parts := _parts(self._best.plan)) and not self._is_over():
                gone = parts[start : start + size]
                if not self._try(_less(self._best.plan, gone)):
                    start += size
            size //= 2

    def _move(self) -> None:
        """Leave out a job or the latency, with which all comes at other times: strike then when a
        handler has just begun.
        """
        plan = self._best.plan
        jobs = [part for part in _parts(plan) if part[0] == 'jobs']
        for simpler in [*(_less(plan, [job]) for job in jobs), *_without_latency(plan)]:
            if self._is_over():
                return
            begins = self._run(replace(simpler, faults=())).begins
            if any(self._try(moved) for moved in _struck_at(simpler, begins[:MOST_BEGINS])):
                return


def _parts(plan: Plan) -> list[Part]:
    names = ('faults', 'jobs', 'workers')
    return [(name, element) for name in names for element in getattr(plan, name)]


def _less(plan: Plan, gone: Sequence[Part]) -> Plan:
    left = [part for part in _parts(plan) if not any(part is one or part == one for one in gone)]

    def kept(name: str) -> Any:
        return tuple(element for of, element in left if of == name)

    return replace(plan, faults=kept('faults'), jobs=kept('jobs'), workers=kept('workers'))


def _struck_at(plan: Plan, begins: Sequence[float]) -> Iterator[Plan]:
    for index, fault in enumerate(plan.faults):
        for begin in begins:
            for later in (0.0, 0.5):
                moved = replace(fault, at=round(begin + later, 3), aim=None)
                yield replace(plan, faults=_with(plan.faults, index, moved))


def _with(parts: tuple[Any, ...], index: int, part: Any) -> tuple[Any, ...]:
    return (*parts[:index], part, *parts[index + 1 :])


# The same parts with less about them.


def _calmer(plan: Plan) -> Plan:
    last = max([*(one.at for one in plan.faults), *(one.at for one in plan.jobs)], default=0.0)
    return replace(plan, calm_at=round(last + 1, 3))


def _at_once(plan: Plan) -> Iterator[Plan]:
    """With all so much earlier that the first job comes at the beginning."""
    first = min((job.at for job in plan.jobs), default=0.0)

    def earlier(one: Any) -> Any:
        return replace(one, at=round(max(0.0, one.at - first), 3))

    jobs, faults = tuple(map(earlier, plan.jobs)), tuple(map(earlier, plan.faults))
    yield replace(plan, jobs=jobs, faults=faults)


def _without_latency(plan: Plan) -> Iterator[Plan]:
    if plan.latency != CALM:
        yield replace(plan, latency=CALM)


def _with_right_clocks(plan: Plan) -> Iterator[Plan]:
    workers = tuple(replace(one, skew=0.0, drift=0.0, lacks=None) for one in plan.workers)
    yield replace(plan, workers=workers)


def _with_plain_server(plan: Plan) -> Iterator[Plan]:
    yield replace(plan, server={})
    for name in plan.server:
        yield replace(plan, server={key: plan.server[key] for key in plan.server if key != name})


def _with_plain_jobs(plan: Plan) -> Iterator[Plan]:
    yield replace(plan, jobs=tuple(replace(job, then=()) for job in plan.jobs))
    yield replace(plan, jobs=tuple(replace(job, delay=None) for job in plan.jobs))
    for index, job in enumerate(plan.jobs):
        for facts in ({'at': 0.0}, {'try_max': 1}):
            yield replace(plan, jobs=_with(plan.jobs, index, replace(job, **facts)))


def _with_short_faults(plan: Plan) -> Iterator[Plan]:
    for index, fault in enumerate(plan.faults):
        if fault.seconds > 1 and fault.kind != 'clock step':
            shorter = replace(fault, seconds=round(fault.seconds / 2, 3))
            yield replace(plan, faults=_with(plan.faults, index, shorter))


_SIMPLIFICATIONS: list[Callable[[Plan], Iterator[Plan]]] = [
    _at_once,
    lambda plan: iter([_calmer(plan)]),
    _without_latency,
    _with_right_clocks,
    _with_plain_server,
    _with_plain_jobs,
    _with_short_faults,
]
