"""`python -m tests.zoo`: hunts the bugs, prints the score, and writes it into the docs."""

import argparse
import logging
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.zoo import hunt, score
from tests.zoo.base import Bug
from tests.zoo.catalogue import ANIMALS, CANARY, NULL
from tests.zoo.score import Score

PAGE = Path(__file__).parents[2] / 'docs' / 'zoo.md'
CONTEXT = multiprocessing.get_context('spawn')


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    wanted = [one for one in _all() if not options.only or one.name in options.only]
    scores = score.load()
    for name, found in _hunt(wanted, options, scores):
        print(_line(name, found), flush=True)
        scores[name] = found
        if options.keep:
            score.save(scores)
            PAGE.write_text(score.page(ANIMALS.values(), scores))
    return _verdict(scores, wanted)


def _all() -> list[Bug]:
    return [CANARY, NULL, *ANIMALS.values()]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m tests.zoo', description=__doc__)
    parser.add_argument('--seeds', type=int, default=300, help='for each bug (default: 300)')
    parser.add_argument('--only', nargs='+', metavar='NAME', help='hunt these alone')
    parser.add_argument('--jobs', type=int, default=2, help='processes (default: 2)')
    parser.add_argument('--limit', type=float, default=1800, help='seconds for each bug')
    parser.add_argument('--count', action='store_true', help='count all scenarios that notice')
    parser.add_argument('--skip', choices=('scenarios', 'explorer'), help='leave one out')
    parser.add_argument('--missed', action='store_true', help='those that were not noticed only')
    parser.add_argument('--keep', action='store_true', help='write score.json and docs/zoo.md')
    return parser.parse_args(arguments)


# Each bug is hunted in a process of its own: what it breaks is gone with it.


@dataclass
class _Hunter:
    bug: Bug
    process: Any
    reports: Connection
    began: float
    found: Score


def _hunt(
    bugs: list[Bug], options: argparse.Namespace, known: dict[str, Score]
) -> Iterator[tuple[str, Score]]:
    waiting = [one for one in bugs if not (options.missed and _is_caught(known.get(one.name)))]
    hunters: list[_Hunter] = []
    while waiting or hunters:
        while waiting and len(hunters) < options.jobs:
            one = waiting.pop(0)
            hunters.append(_start(one, options, known.get(one.name, Score())))
        wait([one.reports for one in hunters], timeout=1.0)
        for one in list(hunters):
            if _is_over(one, options.limit):
                hunters.remove(one)
                one.process.kill()
                one.process.join()
                yield one.bug.name, one.found


def _is_caught(found: Score | None) -> bool:
    return found is not None and found.seeds is not None


def _start(one: Bug, options: argparse.Namespace, known: Score) -> _Hunter:
    mine, theirs = CONTEXT.Pipe(duplex=False)
    wanted = (one.name, options.seeds, options.count, options.skip, known)
    process = CONTEXT.Process(target=_look, args=(theirs, *wanted), daemon=True)
    process.start()
    theirs.close()
    return _Hunter(one, process, mine, time.monotonic(), known)


def _is_over(hunter: _Hunter, limit: float) -> bool:
    try:
        while hunter.reports.poll():
            hunter.found = hunter.reports.recv()
    except EOFError:
        return True
    return time.monotonic() - hunter.began > limit


def _look(
    reports: Connection, name: str, seeds: int, count: bool, skip: str | None, found: Score
) -> None:
    """In a process of its own: look for one bug, and report each time when more is known."""
    logging.lastResort = None  # a bug has much to say
    bug = next(one for one in _all() if one.name == name)
    if skip != 'scenarios':
        noticed = hunt.noticed_by(bug)
        first = next(noticed, None)
        known = count or first is None
        counted = (first is not None) + sum(1 for _ in noticed) if known else None
        found = replace(found, scenario=first, scenarios=counted)
        reports.send(found)
    if skip != 'explorer':
        found = replace(found, seeds=None, tried=0, invariant='', message='')
        reports.send(found)
        for number in range(seeds):
            if sighting := hunt.explored(bug, [number], strict=name == NULL.name):
                found = replace(found, seeds=number + 1, invariant=sighting.invariant)
                found = replace(found, message=sighting.message[:300])
            found = replace(found, tried=number + 1)
            reports.send(found)
            if sighting:
                return


def _line(name: str, found: Score) -> str:
    seeds = f'seed {found.seeds}' if found.seeds else f'none of {found.tried} seeds'
    scenario = found.scenario or 'no scenario'
    return f'{name:45} {seeds:18} {scenario:70} {found.invariant}'


def _verdict(scores: dict[str, Score], wanted: list[Bug]) -> int:
    animals = [one.name for one in wanted if one.name in ANIMALS and one.name in scores]
    explorer = sum(scores[name].seeds is not None for name in animals)
    either = sum(scores[name].caught for name in animals)
    print(f'{len(animals)} bugs: {explorer} noticed by the explorer, {either} by any')
    canary, null = scores.get(CANARY.name), scores.get(NULL.name)
    if canary is not None and not canary.caught:
        print('the canary was not noticed')
    if null is not None and null.caught:
        print('the null mutation was noticed: a false alarm')
    return int((canary is not None and not canary.caught) or (null is not None and null.caught))


if __name__ == '__main__':
    sys.exit(main())
