"""What the runs have reached, so that a green result proves that things went wrong in them."""

from collections import Counter
from collections.abc import Collection, Iterator

from wumai_testing.explore.application import OWN, App
from wumai_testing.explore.options import KINDS
from wumai_testing.explore.world import World
from wumai_testing.timeline import Event

ENOUGH = 100
"""Runs after which what was never reached is reported as missed."""

_STATES = (
    'claim', 'outcome', 'renew', 'release', 'rescue', 'unrun', 'cancel', 'retry', 'failed try',
    'gave up', 'timeout', 'dropped outcome', 'claim or outcome in doubt', 'lease lost',
    'handler not ended at a stop', 'watchdog', 'clock step noticed', 'lock wait',
)  # fmt: skip
"""What a good number of runs of the explorer's own handlers comes by."""
_LINES = {
    'in doubt': 'claim or outcome in doubt',
    'dropped: the job is no longer held': 'dropped outcome',
    'the lease is lost': 'lease lost',
    'released all the same': 'handler not ended at a stop',
    'the process leaves with': 'watchdog',
    'the clock moved by': 'clock step noticed',
}
_STRUCK = ('deadlock', 'lock_timeout', 'lost_before_commit', 'lost_after_commit')
_OF_ACTIONS = ('begun', 'finished', 'called', 'answered')
"""What is counted for each action: tries, their good ends, calls of the API, those with a 200."""


def reached_in(world: World) -> Counter[str]:
    """The faults, the states and the actions of one run."""
    reached: Counter[str] = Counter()
    for event in world.timeline.events:
        reached.update(_told_by(event))
    for move in world.ledger.moves:
        reached[move.kind] += 1
        if move.kind == 'outcome' and move.after is not None:
            reached['timeout'] += (move.after.error or '').startswith('timeout')
            reached[f'finished {move.after.action}'] += move.after.status == 'finished'
    for run in world.ledger.runs:
        reached[f'begun {run.action}'] += run.began_at is not None
    reached['failed try'] += len(world.ledger.failures)
    reached['gave up'] += sum(failure.gave_up for failure in world.ledger.failures)
    for line in world.logs.lines:
        for words, state in _LINES.items():
            reached[state] += words in line.message
    reached.update(world.explored.lock_counts())
    return +reached


def _told_by(event: Event) -> Iterator[str]:
    detail = event.detail
    match event.kind:
        case 'fault' if detail['fault'] in _STRUCK:
            yield detail['fault']
        case 'notify' if 'more failed tries' in detail['text']:
            yield 'digest'
        case 'call':
            yield f'called {detail["action"]}'
            if detail['http'] == 200:
                yield f'answered {detail["action"]}'


def missed(
    reached: Counter[str], runs: int, app: App, kinds: Collection[str] | None = None
) -> list[str]:
    """Faults that could have struck and never did, states and handlers that were never seen, and an
    app's handlers of which no job ever ended well; some of the explorer's own never do.
    """
    if runs < ENOUGH:
        return []
    faults = [kind for kind in KINDS if kinds is None or kind in kinds]
    states = _STATES if app.name == OWN and kinds is None else ()
    ends = ('begun',) if app.name == OWN else ('begun', 'finished')
    handlers = [f'{end} {action}' for action in sorted(app.job_routes) for end in ends]
    return [name for name in (*faults, *states, *handlers) if not reached[name]]


def nothing_ran(reached: Counter[str], app: App) -> str | None:
    """That no handler of a job has begun, and why that may be."""
    if any(reached[f'begun {action}'] for action in app.job_routes):
        return None
    refused = [action for action in sorted(app.routes) if not reached[f'answered {action}']]
    calls = f', and no call of {", ".join(refused)} was answered with 200' if refused else ''
    return (
        f'no job of {app.name} has run{calls}: are its params in '
        '`examples = {"ActionName": [{"name": "value"}]}`?'
    )


def report(reached: Counter[str], runs: int, app: App, kinds: Collection[str] | None = None) -> str:
    """The counts in columns, the actions, and what is missing."""
    lines = [*_columns(reached), *_actions(reached, app)]
    if gone := missed(reached, runs, app, kinds):
        lines.append(f'never reached: {", ".join(gone)}')
    return '\n'.join(lines)


def _columns(reached: Counter[str]) -> Iterator[str]:
    cells = [
        f'{name} {count:,}'
        for name, count in sorted(reached.items())
        if not name.startswith(tuple(f'{what} ' for what in _OF_ACTIONS))
    ]
    width = max(map(len, cells), default=0) + 2
    columns = max(1, 100 // width)
    for start in range(0, len(cells), columns):
        yield ''.join(cell.ljust(width) for cell in cells[start : start + columns]).rstrip()


def _actions(reached: Counter[str], app: App) -> Iterator[str]:
    for title, names, all_of_them, good in (
        ('calls', app.routes, 'called', 'answered'),
        ('tries', app.job_routes, 'begun', 'finished'),
    ):
        told = [
            f'{name} {reached[f"{all_of_them} {name}"]:,} ({reached[f"{good} {name}"]:,} {good})'
            for name in sorted(names)
        ]
        if told:
            yield f'{title}: {", ".join(told)}'
