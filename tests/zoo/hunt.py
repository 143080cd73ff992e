"""Looking for one bug: with the catalogue of scenarios, and with the explorer."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.zoo.base import BACK_OFF, CLOCK, OFF_BY_ONE, POISON, TELLING, TIMEOUT, Bug
from wumai_testing import simulation
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.options import draw_plan
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


FIRST = {
    TELLING: ('notifications',),
    CLOCK: ('scheduling',),
    TIMEOUT: ('timeouts',),
    POISON: ('poison', 'retries'),
    OFF_BY_ONE: ('retries', 'workers'),
    BACK_OFF: ('retries',),
}
"""Folders that are looked through first, by the class of a bug."""


def scenarios(bug: Bug) -> list[str]:
    """The names of those that run jobs; first those that are about this kind of bug."""
    names = [str(path.relative_to(ROOT).with_suffix('')) for path in sorted(ROOT.rglob('*.yaml'))]
    first = FIRST.get(bug.kind, ('workers', 'database'))
    running = [name for name in names if not name.startswith(OF_THE_API)]
    return sorted(running, key=lambda name: not name.startswith(first))


def noticed_by(bug: Bug) -> Iterator[str]:
    """The scenarios that fail with the bug."""
    return (name for name in scenarios(bug) if fails(name, bug))


def fails(scenario: str, bug: Bug | None = None) -> bool:
    """Whether a scenario fails, with a bug: by what it expects, by what the bug lets out of a
    worker, or by a worker that never yields.
    """
    patience, simulation.FOREVER = simulation.FOREVER, ENOUGH
    try:
        with bug.planted() if bug else nullcontext():
            return run_simulated(ROOT / f'{scenario}.yaml').status == FAILED
    except KeyboardInterrupt:
        raise
    except BaseException:
        return True
    finally:
        simulation.FOREVER = patience


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
