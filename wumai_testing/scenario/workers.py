"""Workers as a scenario names them, and their options."""

from dataclasses import dataclass, fields
from typing import Any

from wumai.error import ConfigError
from wumai.worker.options import WorkerOptions
from wumai_testing.scenario.context import Context, nearest
from wumai_testing.scenario.kinds import Kind, Schema, Seconds, Text, Whole
from wumai_testing.scenario.tables import Field
from wumai_testing.scenario.yaml_source import Node

API = 'api'
"""The name of the API where a fault is meant for it."""

MOST_WORKERS = 100
_COUNT = Whole(0, MOST_WORKERS)
_NAME = 'w[1-9][0-9]*'


@dataclass(frozen=True)
class WorkerName:
    """A worker that runs, and what becomes of it in this step."""

    becomes: str = ''
    """`crashed` or `stopped`; empty where it goes on."""

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        name = Text('a worker such as w1', _NAME).read(ctx, node, key)
        if name is None or not check_known(ctx, node, name):
            return None
        if ctx.workers[name]:
            ctx.report(node, f'the worker `{name}` {ctx.workers[name]}; `start` it before this')
        elif self.becomes:
            ctx.workers[name] = f'{self.becomes} in line {node.line}'
        return name

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^{_NAME}$'}


@dataclass(frozen=True)
class StartedWorker:
    """A worker that runs from here on. It may be there: a worker can exit by itself."""

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        name = Text('a name for the worker, w and a number such as w2', _NAME).read(ctx, node, key)
        if name is not None:
            ctx.workers[name] = ''
        return name

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^{_NAME}$'}


@dataclass(frozen=True)
class Writer:
    """Who writes: a worker that there is or was, or the API."""

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        name = Text('a worker such as w1, or api', f'{_NAME}|{API}').read(ctx, node, key)
        if name is not None and name != API:
            check_known(ctx, node, name)
        return name

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^(?:{_NAME}|{API})$'}


def check_known(ctx: Context, node: Node, name: str) -> bool:
    """Whether a worker was made; notes it where it was not."""
    if name in ctx.workers:
        return True
    hint = nearest(name, ctx.workers, 'workers until here')
    ctx.report(node, f'no `workers` or `start` before this makes the worker `{name}`{hint}')
    return False


@dataclass(frozen=True)
class WorkerCount:
    """How many workers run from the start."""

    def read(self, ctx: Context, node: Node, key: str) -> int | None:
        count = _COUNT.read(ctx, node, key)
        ctx.make_workers(MOST_WORKERS if count is None else count)
        return count

    def schema(self) -> Schema:
        return _COUNT.schema()


@dataclass(frozen=True)
class WorkerOption:
    """One of create_worker's options, checked as create_worker does."""

    name: str
    kind: Kind

    def read(self, ctx: Context, node: Node, key: str) -> Any:
        value = self.kind.read(ctx, node, key)
        if value is not None:
            try:
                WorkerOptions(**{self.name: value})
            except ConfigError as error:
                ctx.report(node, str(error))
        return value

    def schema(self) -> Schema:
        return self.kind.schema()


def _option(name: str, kind: type) -> WorkerOption:
    return WorkerOption(name, Whole(1) if kind is int else Seconds(minimum=0))


_HELP = {
    'pick_size': 'how many jobs are taken in one claim',
    'exec_size': 'how many handlers run at once',
    'exec_timeout': 'after which a try is interrupted and fails as a timeout',
    'poll_interval': 'between two looks at the table while nothing is due',
    'lease': 'how long a running job may go without a heartbeat',
    'grace': 'how long running handlers are given to end when the worker stops',
}

OPTIONS = {
    one.name: Field(_option(one.name, one.type), _HELP.get(one.name, 'an option of create_worker'))
    for one in fields(WorkerOptions)
    if isinstance(one.type, type)
}
