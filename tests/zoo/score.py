"""What was found out about each bug, kept in a file beside this one, and as a page."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.zoo.base import FENCE, MYSQL, TWO, Bug
from tests.zoo.reasons import REASONS

FILE = Path(__file__).with_name('score.json')

_HEAD = """\
# The bug zoo

How good are the [scenarios](../scenarios) and the explorer at finding bugs? `tests/zoo` plants
real bugs of other job queues in wumai, one at a time, each a small change of its store, worker or
notifications, and looks who notices. The bugs were written down before any of them was run, and
none was adjusted after a miss; one (one-look-is-enough) was planted anew where a change of wumai
had made it harmless. `tox -e zoo` hunts them all and writes this page anew;
`python -m tests.zoo --only NAME` hunts one.

*Seeds* is how many runs of the explorer it took: the bug is planted, and seeds 0, 1, 2, ... are
explored until one breaks that does not break without the bug.
"""


@dataclass(frozen=True)
class Score:
    """Who noticed a bug."""

    scenario: str | None = None
    """The first scenario that fails; None where none does, or none was run."""
    scenarios: int | None = None
    """How many do; None where that was not counted."""
    seeds: int | None = None
    """How many the explorer took; None where it did not notice."""
    tried: int = 0
    """How many seeds it was given."""
    invariant: str = ''
    message: str = ''

    @property
    def scenarios_ran(self) -> bool:
        return self.scenario is not None or self.scenarios is not None

    @property
    def caught(self) -> bool:
        return self.scenario is not None or self.seeds is not None


def load() -> dict[str, Score]:
    if not FILE.is_file():
        return {}
    return {name: Score(**score) for name, score in json.loads(FILE.read_text()).items()}


def save(scores: Mapping[str, Score]) -> None:
    kept = {name: asdict(scores[name]) for name in sorted(scores)}
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + '\n')


def page(bugs: Iterable[Bug], scores: Mapping[str, Score]) -> str:
    """The score as Markdown."""
    known = [(one, scores[one.name]) for one in bugs if one.name in scores]
    parts = [_HEAD, _summary(known), _table(known), _missed(known), _origins(known)]
    return '\n'.join(parts)


Known = list[tuple[Bug, Score]]


def _summary(known: Known) -> str:
    total = len(known)
    scenarios = sum(score.scenario is not None for _, score in known)
    explorer = sum(score.seeds is not None for _, score in known)
    either = sum(score.caught for _, score in known)
    ran = sum(score.scenarios_ran for _, score in known)
    taken = sorted(score.seeds for _, score in known if score.seeds is not None)
    median = taken[len(taken) // 2] if taken else 0
    counts = Counter(need for one, _ in known for need in one.needs)
    return f"""\
## The score

| noticed by | bugs of {total} | |
| --- | --- | --- |
| the explorer | {explorer} | {explorer / max(1, total):.0%} |
| the scenarios | {scenarios} of {ran} looked for | {scenarios / max(1, ran):.0%} |
| either | {either} | {either / max(1, total):.0%} |

The median bug takes the explorer {median} seeds. {counts[TWO]} of the bugs need two workers and
a fault to show, {counts[MYSQL]} need MySQL's semantics, {counts[FENCE]} are about a fence or a
commit in doubt. A canary, which must always be noticed, and a mutation that changes nothing,
which never may be, are part of the default tests.
"""


def _table(known: Known) -> str:
    lines = ['## The bugs', '', '| bug | class | from | scenarios | seeds | what broke |']
    lines.append('| --- | --- | --- | --- | --- | --- |')
    for one, score in sorted(known, key=lambda pair: (pair[0].kind, pair[0].name)):
        cells = (one.name, one.kind, _link(one), _scenarios(score), _seeds(score), score.invariant)
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def _scenarios(score: Score) -> str:
    if score.scenario is None:
        return 'none' if score.scenarios_ran else 'not run'
    name = score.scenario.split('/')[-1]
    return f'[{"" if score.scenarios is None else score.scenarios}{" " * bool(score.scenarios)}' + (
        f'{name}](../scenarios/{score.scenario}.yaml)'
    )


def _seeds(score: Score) -> str:
    if score.seeds is not None:
        return str(score.seeds)
    return f'not in {score.tried}' if score.tried else 'not run'


def _missed(known: Known) -> str:
    lines = ['## Not noticed', '']
    for one, score in known:
        if score.seeds is None:
            by = f' (noticed by the scenario {score.scenario})' if score.scenario else ''
            reason = REASONS.get(one.name, 'not looked into yet.')
            reason += f' It was given {score.tried} seeds.'
            lines.append(f'- **{one.name}**{by}: {one.what} Why the explorer misses it: {reason}')
    return '\n'.join([*lines, '']) if len(lines) > 2 else '## Not noticed\n\nNone.\n'


def _origins(known: Known) -> str:
    lines = ['## Where they come from', '']
    for one, _ in sorted(known, key=lambda pair: pair[0].name):
        lines.append(f'- **{one.name}**: {one.what} {_link(one)}: {_plain(one.title)}')
    return '\n'.join([*lines, ''])


def _link(one: Bug) -> str:
    repository, _, number = one.issue.partition('#')
    return f'[{one.issue}](https://github.com/{repository}/issues/{number})'


def _plain(title: str) -> str:
    return title.replace('[', '(').replace(']', ')').replace('<', '&lt;')
