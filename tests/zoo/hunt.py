"""Looking for one bug: with the catalogue of scenarios, and with the explorer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.zoo.base import Bug
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.options import draw_plan
from wumai_testing.scenario import world
from wumai_testing.scenario.outcome import FAILED, run_simulated

ROOT = Path(__file__).parents[2] / 'scenarios'
OF_THE_API = ('errors', 'requests', 'journal')
"""Folders in which no job runs."""
ENOUGH = '10m'
"""Virtual time after which what does not end is noticed, where a scenario names none."""
UNKNOWN = 'the emulated MySQL does not know'
"""What a run says that stops at a statement which no run can do: it has noticed nothing."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """How a run noticed a bug."""

    seeds: int
    """How many it took."""
    invariant: str
    message: str


def scenarios() -> list[Path]:
    """The files that run jobs."""
    paths = sorted(ROOT.rglob('*.yaml'))
    return [path for path in paths if path.relative_to(ROOT).parts[0] not in OF_THE_API]


def noticed_by(bug: Bug) -> Iterator[str]:
    """The scenarios that fail with the bug."""
    patience, world.FOREVER = world.FOREVER, ENOUGH
    try:
        for path in scenarios():
            with bug.planted():
                if run_simulated(path).status == FAILED:
                    yield str(path.relative_to(ROOT).with_suffix(''))
    finally:
        world.FOREVER = patience


def explored(bug: Bug, seeds: Iterable[int], *, strict: bool = False) -> Sighting | None:
    """The first seed whose run breaks with the bug; unless `strict`, not without it as well."""
    for number, seed in enumerate(seeds, start=1):
        with bug.planted():
            broken = explore_seed(seed)
        if broken and (strict or _counts(broken[1], seed)):
            return Sighting(number, *broken)
    return None


def _counts(message: str, seed: int) -> bool:
    return UNKNOWN not in message and not alarms(seed)


def explore_seed(seed: int) -> tuple[str, str] | None:
    """The invariant that breaks in the run of `seed`, and how."""
    app = load_app()
    plan = draw_plan(seed, app.actions, app.examples, calls=tuple(app.routes))
    broken = run(plan, app, keep=False).broken
    return (broken.invariant, broken.message) if broken else None


@cache
def alarms(seed: int) -> bool:
    """Whether the run of `seed` breaks though nothing is planted: such a one counts for nothing."""
    return explore_seed(seed) is not None
