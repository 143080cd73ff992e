"""What the runs have reached, so that a green result proves that things went wrong in them."""

from collections import Counter
from collections.abc import Collection

from wumai_testing.explore.options import KINDS
from wumai_testing.explore.world import World

ENOUGH = 100
"""Runs after which a kind that was never reached is reported as missed."""

_STATES = (
    'claim', 'outcome', 'renew', 'release', 'rescue', 'unrun', 'cancel', 'retry', 'failed try',
    'gave up', 'timeout', 'dropped outcome', 'claim or outcome in doubt', 'lease lost',
    'handler not ended at a stop', 'watchdog', 'clock step noticed', 'digest', 'lock wait',
)  # fmt: skip
"""What a good number of runs comes by."""
_ON_MYSQL = ('deadlock of its own', 'lock wait timeout of its own')
_LINES = {
    'in doubt': 'claim or outcome in doubt',
    'dropped: the job is no longer held': 'dropped outcome',
    'the lease is lost': 'lease lost',
    'released all the same': 'handler not ended at a stop',
    'the process leaves with': 'watchdog',
    'the clock moved by': 'clock step noticed',
}
_STRUCK = ('deadlock', 'lock_timeout', 'lost_before_commit', 'lost_after_commit')


def reached_in(world: World) -> Counter[str]:
    """The states of one run."""
    reached: Counter[str] = Counter()
    for event in world.timeline.events:
        if event.kind == 'fault' and event.detail['fault'] in _STRUCK:
            reached[event.detail['fault']] += 1
        elif event.kind == 'notify' and 'more failed tries' in event.detail['text']:
            reached['digest'] += 1
    for move in world.ledger.moves:
        reached[move.kind] += 1
        if move.after is not None and (move.after.error or '').startswith('timeout'):
            reached['timeout'] += 1
    reached['failed try'] += len(world.ledger.failures)
    reached['gave up'] += sum(failure.gave_up for failure in world.ledger.failures)
    for line in world.logs.lines:
        for words, state in _LINES.items():
            reached[state] += words in line.message
    reached.update(world.explored.lock_counts())
    return +reached


def missed(reached: Counter[str], runs: int, kinds: Collection[str] | None) -> list[str]:
    """Kinds of faults that could have struck and never did, and states that were never seen."""
    if runs < ENOUGH:
        return []
    allowed = [kind for kind in KINDS if kinds is None or kind in kinds]
    states = _STATES if kinds is None else ()
    return [name for name in (*allowed, *states) if not reached[name]]


def report(reached: Counter[str], runs: int, kinds: Collection[str] | None) -> str:
    """The counts in columns, and what is missing."""
    cells = [f'{name} {count:,}' for name, count in sorted(reached.items())]
    width = max(map(len, cells), default=0) + 2
    columns = max(1, 100 // width)
    lines = [
        ''.join(cell.ljust(width) for cell in cells[start : start + columns]).rstrip()
        for start in range(0, len(cells), columns)
    ]
    if gone := missed(reached, runs, kinds):
        lines.append(f'never reached: {", ".join(gone)}')
    return '\n'.join(lines)
