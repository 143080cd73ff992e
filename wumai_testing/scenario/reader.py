"""Files to scenarios."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wumai_testing.scenario.context import Context, describe
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.grammar import BUILD, STEP
from wumai_testing.scenario.kinds import MapOf, Moment, Schema, Text, any_text
from wumai_testing.scenario.model import Scenario, Step
from wumai_testing.scenario.tables import Field, Table
from wumai_testing.scenario.workers import OPTIONS, WorkerCount
from wumai_testing.scenario.yaml_source import Mapping, Node, Sequence, Source


@dataclass(frozen=True)
class Steps:
    """At least one step; each may use what those before it declare."""

    def read(self, ctx: Context, node: Node, key: str) -> tuple[Step, ...]:
        if not isinstance(node, Sequence) or not node.items:
            ctx.wrong(node, key, 'a list of steps, such as `- run: idle`')
            return ()
        steps = [
            _step(ctx, item, f'{key}[{number}]') for number, item in enumerate(node.items, start=1)
        ]
        return tuple(step for step in steps if step is not None)

    def schema(self) -> Schema:
        return {'type': 'array', 'minItems': 1, 'items': {'$ref': '#/$defs/step'}}


def _step(ctx: Context, node: Node, key: str) -> Step | None:
    lead, given = STEP.read(ctx, node, key)
    _declare_names(ctx, node)
    return BUILD[lead](node.line, given) if lead else None


def _declare_names(ctx: Context, step: Node) -> None:
    """Even of a step that has a problem, so that later ones do not seem to have it too."""
    if not isinstance(step, Mapping):
        return
    job, save = step.get('job'), step.get('save')
    alias = job.get('as') if isinstance(job, Mapping) else None
    if alias is not None:
        ctx.declare(alias, is_alias=True)
    if isinstance(save, Mapping):
        for name, _ in save.entries.values():
            ctx.declare(name, is_alias=False)


FILE = Table(
    {
        'scenario': Field(
            Text('a sentence that says what it shows'), 'what it shows, as a sentence', True
        ),
        'app': Field(
            Text('a module such as scenarios.apps.flaky', r'[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*'),
            'the module with `routes` and/or `job_routes`',
        ),
        'start': Field(Moment(), 'when it begins, in UTC; 2026-01-01T00:00:00Z'),
        'workers': Field(WorkerCount(), 'how many workers run from the start: w1, w2, ...; 1'),
        'worker': Field(Table(OPTIONS, '{exec_timeout: 600}'), "create_worker's options"),
        'env': Field(
            MapOf(any_text('a text, quoted'), 'a mapping such as {TZ: Europe/Berlin}'),
            'the environment; nothing else of it counts',
        ),
        'steps': Field(Steps(), 'what happens, and what is expected, one after the other', True),
    },
    '`scenario: what it shows` and `steps:` with a list of steps',
    what='the file',
)


def loads(text: str, path: Path | str = '<string>') -> Scenario:
    """The scenario that YAML text holds. Raises ScenarioError with all that is wrong."""
    source = Source(text, str(path))
    root = source.parse()
    given = {} if root is None else _read_root(Context(source), root)
    if source.problems:
        raise ScenarioError(source.problems)
    name = given.pop('scenario').strip()
    return Scenario(name, **given, path=None if path == '<string>' else Path(path))


def _read_root(ctx: Context, root: Node) -> dict[str, Any]:
    if not isinstance(root, Mapping):
        ctx.report(root, f'the file wants {FILE.example}; found {describe(root)}')
        return {}
    app = root.get('app')
    at = {} if app is None else {'app_at': (app.line, app.column)}
    return FILE.read(ctx, root, 'scenario') | at


def load(path: Path | str) -> Scenario:
    """The scenario of a file. Raises ScenarioError with all that is wrong, or OSError."""
    data = Path(path).read_bytes()
    try:
        return loads(data.decode(), path)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        source = Source(data.decode(errors='replace'), str(path))
        line = before.count(b'\n') + 1
        column = len(before[before.rfind(b'\n') + 1 :].decode(errors='replace')) + 1
        source.report(line, column, 'this byte is not UTF-8; save the file as UTF-8')
        raise ScenarioError(source.problems) from None
