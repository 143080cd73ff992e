"""`wumai_testing.explore(...)`: many seeds as one test."""

import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from wumai.common.secrets import mask_text
from wumai_testing.explore import coverage
from wumai_testing.explore.application import OWN, App, load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.many import WORKERS, Settings, Tally, run_many
from wumai_testing.explore.options import KINDS, STANDING
from wumai_testing.explore.plan import Plan
from wumai_testing.explore.report import describe
from wumai_testing.explore.seeds import seeds_from
from wumai_testing.explore.shrink import shrink
from wumai_testing.explore.world import Mutate, unchanged
from wumai_testing.worker_options import check_options

SEEDS_VARIABLE = 'WUMAI_SEEDS'
"""`1000`, or `200-300`: goes before the seeds that a test asks for."""


class InvariantBroken(AssertionError):
    """A seed breaks an invariant; the message has the shortest timeline found that still does."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


class NothingRan(AssertionError):
    """No job ran: a result that would be green for no reason."""


def explore(
    app: App | ModuleType | str | None = None,
    seeds: Iterable[int] = range(1000),
    workers: int = WORKERS,
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
    The environment's WUMAI_SEEDS goes before `seeds`. Returns what the runs have reached; raises
    InvariantBroken for the first seed that breaks one, and NothingRan if no job was run.
    """
    found = load_app(app)
    check_options(options or {})
    settings = Settings(found.name, workers, check_kinds(faults), options or {}, database)
    wanted = os.environ.get(SEEDS_VARIABLE)
    tally = run_many(
        settings,
        seeds_from(wanted) if wanted else list(seeds),
        app=found,
        mutate=mutate,
        processes=processes,
        seconds=time,
        most_broken=1,
    )
    if tally.broken:
        smallest = shrunk(tally.broken[0], found, mutate, database)
        raise InvariantBroken('\n' + describe(smallest, found, again(smallest, settings)), smallest)
    if nothing := coverage.nothing_ran(tally.reached, found):
        raise NothingRan(nothing)
    return tally


def shrunk(
    found: Result,
    app: App,
    mutate: Mutate = unchanged,
    url: str | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Result:
    """The smallest plan found that breaks what `found` breaks, and whether `found` repeats;
    `progress` after each run.
    """

    def again(plan: Plan) -> Result:
        result = run(plan, app, mutate, url=url)
        progress()
        return result

    repeats = _history(again(found.plan)) == _history(found)
    return replace(shrink(found, again), repeats=repeats)


def _history(result: Result) -> str:
    """What happened, but for the addresses of objects in what was raised."""
    return re.sub('0x[0-9a-f]+', '0x', result.timeline)


def again(result: Result, settings: Settings) -> str:
    """The command that runs the seed of `result` again."""
    words = ['wumai simulate']
    words += [settings.module] if settings.module not in (None, OWN) else []
    words += [f'--workers {settings.workers}'] if settings.workers != WORKERS else []
    words += [f'--option {name}={value:g}' for name, value in settings.options.items()]
    words += [f'--fault {shlex.quote(kind)}' for kind in sorted(settings.kinds or ())]
    words += [f'--database {shlex.quote(mask_text(settings.url))}'] if settings.url else []
    return ' '.join([*words, f'--seed {result.plan.seed} --trace'])


def check_kinds(kinds: Collection[str] | None) -> Collection[str] | None:
    """`kinds`, if there are such. Raises ValueError."""
    if kinds is None:
        return None
    known = (*KINDS, *STANDING)
    if unknown := sorted(set(kinds) - set(known)):
        raise ValueError(f'there is no fault {unknown[0]!r}; there are {", ".join(known)}')
    return frozenset(kinds)
