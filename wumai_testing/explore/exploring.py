"""`wumai_testing.explore(...)`: many seeds as one test."""

import os
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from wumai_testing.explore import coverage
from wumai_testing.explore.application import App, load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.many import Settings, Tally, run_many
from wumai_testing.explore.options import KINDS, STANDING
from wumai_testing.explore.report import describe
from wumai_testing.explore.shrink import shrink
from wumai_testing.explore.world import Mutate, unchanged

SEEDS_VARIABLE = 'WUMAI_SEEDS'
"""`1000`, or `200-300`: goes before the seeds that a test asks for."""


class InvariantBroken(AssertionError):
    """A seed breaks an invariant; the message has the shortest timeline found that still does."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def explore(
    app: App | ModuleType | str | None = None,
    seeds: Iterable[int] = range(1000),
    workers: int = 3,
    faults: Collection[str] | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    mutate: Mutate = unchanged,
    processes: int = 1,
    time: float | None = None,
    database: str | None = None,
) -> Tally:
    """Run `app` (a module with `job_routes`, or its name) once for each seed under made-up faults.

    `faults` names the kinds that may strike (default: all), `options` are create_worker's that
    are not to be drawn, `time` is a budget in seconds. Several `processes` need the app by name.
    Raises InvariantBroken for the first seed that breaks one; returns what the runs have reached.
    """
    found = load_app(app)
    settings = Settings(found.name, workers, check_kinds(faults), options or {}, database)
    tally = run_many(
        settings,
        seeds_from(os.environ.get(SEEDS_VARIABLE)) or list(seeds),
        app=found,
        mutate=mutate,
        processes=processes,
        seconds=time,
    )
    if tally.broken:
        smallest = shrunk(tally.broken[0], found, mutate, database)
        raise InvariantBroken('\n' + describe(smallest, found, again(smallest, settings)), smallest)
    return tally


def shrunk(found: Result, app: App, mutate: Mutate = unchanged, url: str | None = None) -> Result:
    """The smallest plan found that breaks what `found` breaks."""
    return shrink(found, partial(run, app=app, mutate=mutate, url=url))


def again(result: Result, settings: Settings) -> str:
    """The command that runs the seed of `result` again."""
    own = load_app(None).name
    module = f' {settings.module}' if settings.module not in (None, own) else ''
    more = f' --workers {settings.workers}' if settings.workers != 3 else ''
    more += f' --database {settings.url}' if settings.url else ''
    for kind in sorted(settings.kinds or ()):
        more += f" --fault '{kind}'" if ' ' in kind else f' --fault {kind}'
    return f'wumai simulate{module}{more} --seed {result.plan.seed} --trace'


def check_kinds(kinds: Collection[str] | None) -> Collection[str] | None:
    """`kinds`, if there are such. Raises ValueError."""
    if kinds is None:
        return None
    known = (*KINDS, *STANDING)
    if unknown := sorted(set(kinds) - set(known)):
        raise ValueError(f'there is no fault {unknown[0]!r}; there are {", ".join(known)}')
    return frozenset(kinds)


def seeds_from(text: str | None) -> list[int]:
    """`1000` as the first thousand seeds, `200-300` as those from 200 to 299."""
    if not text:
        return []
    first, dash, last = text.partition('-')
    return list(range(int(first), int(last))) if dash else list(range(int(first)))


__all__ = ['InvariantBroken', 'coverage', 'explore']
