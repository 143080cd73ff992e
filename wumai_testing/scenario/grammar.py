"""The format of scenario files: every key, what it holds, and the data that it becomes.

The tables here are all there is: the reader, the errors and the JSON Schema come from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from wumai.job import ERROR, FINISHED, PENDING, RUNNING
from wumai_testing.faults import FAULTS
from wumai_testing.scenario.context import Context, nearest
from wumai_testing.scenario.expected import (
    Columns,
    CountOrEach,
    Expected,
    JobName,
    Json,
    Message,
    Params,
    PerJob,
    TextOrRef,
)
from wumai_testing.scenario.kinds import (
    Base64,
    Choice,
    Duration,
    ListOf,
    MapOf,
    Nullable,
    RunAt,
    Schema,
    Seconds,
    Text,
    TimeText,
    Whole,
    any_text,
)
from wumai_testing.scenario.model import (
    Advance,
    Call,
    Cancel,
    ChannelFault,
    Crash,
    DatabaseFault,
    Expect,
    JobStep,
    Post,
    Retry,
    Run,
    Stall,
    Start,
    Step,
    Stop,
)
from wumai_testing.scenario.tables import Choose, Field, Lead, Table
from wumai_testing.scenario.values import NAME
from wumai_testing.scenario.workers import StartedWorker, WorkerName, Writer
from wumai_testing.scenario.yaml_source import Mapping, Node, Sequence

MAX_POST = 64 << 20
"""Bytes that one post may send."""

Given: TypeAlias = dict[str, Any]
_ACTION = Field(Text('the name of an action such as CreateInstance'), 'the action', required=True)


@dataclass(frozen=True)
class Request:
    """The body of a call: an action, and any params."""

    def read(self, ctx: Context, node: Node, key: str) -> Given:
        if not isinstance(node, Mapping):
            ctx.wrong(node, key, 'a mapping with an action, such as {action: CreateInstance}')
            return {}
        if 'action' not in node.entries:
            hint = nearest('action', node.entries, 'found')
            ctx.report(node, f'`action` missing in `{key}`{hint}')
            return {}
        _ACTION.kind.read(ctx, node.entries['action'][1], 'action')
        request: Given = Json().read(ctx, node, key)
        return request

    def schema(self) -> Schema:
        return {
            'type': 'object',
            'properties': {'action': _ACTION.schema()},
            'required': ['action'],
            'additionalProperties': Json().schema(),
        }


@dataclass(frozen=True)
class PostTable:
    """What is posted: one body, of a size that can be sent."""

    table: Table

    def read(self, ctx: Context, node: Node, key: str) -> Given:
        post = self.table.read(ctx, node, key)
        if 'body' in post and 'base64' in post:
            ctx.report(node, '`body` and `base64` are two ways to write one body; write one')
        if len(_body(post)) * (post.get('repeat') or 1) > MAX_POST:
            ctx.report(node, f'`{key}`: this is more than {MAX_POST >> 20} MiB; repeat it less')
        return post

    def schema(self) -> Schema:
        return self.table.schema() | {'not': {'required': ['body', 'base64']}}


def _body(post: Given) -> bytes:
    text: str = post.get('body') or ''
    return post.get('base64') or text.encode('utf-8', 'surrogatepass')


_STARTS = ListOf(Duration(), 'a list of offsets from the start, such as [0s, 10m]')


@dataclass(frozen=True)
class Offsets:
    """Starts of tries, each not before the one before."""

    def read(self, ctx: Context, node: Node, key: str) -> tuple[float, ...]:
        starts: tuple[float | None, ...] = _STARTS.read(ctx, node, key)
        items = node.items if isinstance(node, Sequence) else ()
        last = 0.0
        for item, start in zip(items, starts, strict=True):
            if start is not None and start < last:
                ctx.report(item, f'`{key}`: this try begins before the one before it')
            last = last if start is None else start
        return tuple(start for start in starts if start is not None)

    def schema(self) -> Schema:
        return _STARTS.schema()


_JOB_COLUMNS = {
    'id': Field(Expected(any_text()), 'its id'),
    'project_id': Field(Expected(Nullable(any_text())), 'its project'),
    'action': Field(Expected(any_text()), 'its action'),
    'status': Field(Expected(Choice((PENDING, RUNNING, FINISHED, ERROR))), 'where it stands'),
    'error': Field(Expected(Nullable(any_text())), 'why its last try failed'),
    'result': Field(Expected(), 'what its handler returned'),
    'params': Field(Expected(), 'its params'),
    'updated': Field(Expected(Nullable(TimeText())), 'the last change or heartbeat'),
    'created': Field(Expected(Nullable(TimeText())), 'when it was made'),
    'run_at': Field(Expected(Nullable(TimeText())), 'when it is due'),
    'try_period': Field(Expected(Nullable(Seconds(whole=True))), 'from a failure to the next try'),
    'try_max': Field(Expected(Nullable(Whole())), 'how many tries it has'),
    'trys': Field(Expected(Nullable(Whole())), 'how many tries have begun'),
}

_OPERATION_COLUMNS = {
    name: Field(Expected(), help_text)
    for name, help_text in {
        'id': 'its id',
        'project_id': 'the project',
        'access_key': 'who asked',
        'action': 'the action',
        'params': 'what was asked',
        'ret_code': 'the retCode of the reply',
        'resource_type': 'the type of the resources',
        'resource_ids': 'the ids of the resources',
        'ret_message': 'the message of the reply',
        'updated': 'the last change',
        'created': 'when it was made',
    }.items()
}

_REPLY = Field(
    Columns(
        {
            'http': Field(Expected(Whole(100, 599)), 'the HTTP status'),
            'retCode': Field(Expected(Whole()), 'the retCode of the body'),
            'message': Field(Expected(any_text()), 'the message of the body'),
            'body': Field(Expected(), 'the whole body'),
        },
        '{http: 200, retCode: 0}',
    ),
    'what is expected of the reply',
)

_SAVE = Field(
    MapOf(
        Text(
            'where in the reply to find it, such as body.jobId',
            r'(?:http|retCode|message|body)(?:\.[^.]+)*',
        ),
        'a mapping such as {job: body.jobId}',
        NAME,
        'letters, digits and _',
    ),
    'names for parts of the reply; `$name` stands for them in later steps',
)

_CALL = Field(Request(), 'calls an action through the real API', required=True)
_RAW = Table(
    {
        'body': Field(any_text('the raw text of the body, quoted'), 'the body as UTF-8 text'),
        'base64': Field(Base64(), 'the body as bytes in base 64'),
        'repeat': Field(Whole(1), 'how many times the body is repeated'),
        'method': Field(Text('a method such as POST', '[A-Z]+'), 'the HTTP method; POST'),
        'path': Field(Text('a path such as /', r'/\S*'), 'the path and query; /'),
        'headers': Field(
            MapOf(TextOrRef('a text'), 'a mapping such as {X-Request-Id: abc}'),
            'the headers, and no others',
        ),
    },
    '{body: "not JSON"}',
)
_JOB = Table(
    {
        'as': Field(Text('a name: letters, digits and _', NAME), 'what later steps call this job'),
        'action': _ACTION,
        'params': Field(Params(), 'its params; a text is what the column holds'),
        'project_id': Field(Nullable(TextOrRef('a text')), 'its project'),
        'run_at': Field(Nullable(RunAt()), 'when it is due: a time, or from now such as +10m'),
        'try_period': Field(Nullable(Seconds(whole=True)), 'from a failure to the next try'),
        'try_max': Field(Nullable(Whole()), 'how many tries it has'),
    },
    '{as: first, action: CreateInstance}',
)
_STALL = Table(
    {
        'worker': Field(WorkerName(), 'which worker', required=True),
        'for': Field(Duration(), 'how long', required=True),
    },
    '{worker: w1, for: 2m}',
)
_EXPECT = Table(
    {
        'jobs': Field(
            PerJob(
                Columns(_JOB_COLUMNS, '{status: finished, trys: 1}', may_be_absent=True),
                '{first: {status: finished}}',
            ),
            'columns of jobs, by alias or $name',
        ),
        'runs': Field(
            PerJob(Offsets(), '{first: [0s, 10m]}'),
            'when the tries of jobs began, from the start of the scenario',
        ),
        'slack': Field(CountOrEach(Message(), '["gave up"]'), 'the messages to Slack'),
        'sms': Field(CountOrEach(Message(), '["gave up"]'), 'the messages by SMS'),
        'running': Field(Expected(Whole(0)), 'how many rows run'),
        'operations': Field(
            CountOrEach(
                Columns(_OPERATION_COLUMNS, '{action: CreateInstance}'),
                '[{action: CreateInstance, ret_code: 0}]',
            ),
            'the rows of the journal',
        ),
    },
    '{jobs: {first: {status: finished}}}',
    may_be_empty=False,
)


def _lasting(what: str) -> dict[str, Lead]:
    return {
        'down': Lead(Field(Duration(), f'{what} fails for so long')),
        'hang': Lead(Field(Duration(), f'{what} does not answer for so long')),
    }


_NEXT = Lead(
    Field(Choice(FAULTS), 'strikes the next statement or commit that writes a row'),
    {'by': Field(Writer(), 'only if this worker, or api, writes it')},
)
_READ_ONLY = Lead(Field(Duration(), 'the database answers for so long, and refuses writes'))
_DATABASE = Choose(
    _lasting('the database') | {'read_only': _READ_ONLY, 'next': _NEXT},
    'database fault',
    '{down: 30s} or {next: deadlock}',
)


def _channel(name: str) -> Lead:
    return Lead(Field(Choose(_lasting(name), 'channel fault', '{down: 5m}'), f'{name} fails'))


_BESIDE_CALL = {'expect': _REPLY, 'save': _SAVE}

STEP = Choose(
    {
        'call': Lead(_CALL, _BESIDE_CALL),
        'post': Lead(Field(PostTable(_RAW), 'sends raw bytes, for malformed input'), _BESIDE_CALL),
        'job': Lead(Field(_JOB, 'makes a row of the table job')),
        'cancel': Lead(Field(JobName(), 'cancels a job that has not ended')),
        'retry': Lead(Field(JobName(), 'lets a job in error run again')),
        'advance': Lead(Field(Duration(), 'lets virtual time pass')),
        'run': Lead(
            Field(Choice(('idle',)), 'until nothing is running, due, scheduled or on its way'),
            {'within': Field(Duration(), 'the virtual time that it may take')},
        ),
        'crash': Lead(Field(WorkerName('crashed'), 'kills a worker')),
        'stall': Lead(Field(_STALL, 'freezes a worker')),
        'stop': Lead(Field(WorkerName('stopped'), 'stops a worker and waits for its exit')),
        'start': Lead(Field(StartedWorker(), 'starts a worker, new or ended')),
        'database': Lead(Field(_DATABASE, 'the database fails')),
        'slack': _channel('slack'),
        'sms': _channel('sms'),
        'expect': Lead(Field(_EXPECT, 'what is to be true now')),
    },
    'step',
    '{advance: 10m}',
)


def _reply_parts(given: Given) -> Given:
    save = given.get('save') or {}
    paths = {name: tuple(path.split('.')) for name, path in save.items() if path}
    return {'expect': given.get('expect'), 'save': paths}


def _call(line: int, given: Given) -> Step:
    return Call(line, given['call'], **_reply_parts(given))


def _post(line: int, given: Given) -> Step:
    post = given['post']
    body = _body(post)
    body *= min(post.get('repeat') or 1, MAX_POST // max(len(body), 1))
    rest = {name: post[name] for name in ('method', 'path', 'headers') if name in post}
    return Post(line, body, **rest, **_reply_parts(given))


def _job(line: int, given: Given) -> Step:
    columns = {name: one for name, one in given['job'].items() if name not in ('as', 'action')}
    return JobStep(line, given['job'].get('action'), columns, given['job'].get('as'))


def _stall(line: int, given: Given) -> Step:
    return Stall(line, given['stall'].get('worker'), given['stall'].get('for'))


def _database(line: int, given: Given) -> Step:
    kind, fault = given['database']
    if kind == 'next':
        return DatabaseFault(line, fault['next'], by=fault.get('by'))
    return DatabaseFault(line, kind, fault.get(kind))


def _channel_fault(channel: Any) -> Callable[[int, Given], Step]:
    def build(line: int, given: Given) -> Step:
        kind, fault = given[channel]
        return ChannelFault(line, channel, kind, fault.get(kind))

    return build


BUILD: dict[str, Callable[[int, Given], Step]] = {
    'call': _call,
    'post': _post,
    'job': _job,
    'cancel': lambda line, given: Cancel(line, given['cancel']),
    'retry': lambda line, given: Retry(line, given['retry']),
    'advance': lambda line, given: Advance(line, given['advance']),
    'run': lambda line, given: Run(line, given.get('within')),
    'crash': lambda line, given: Crash(line, given['crash']),
    'stall': _stall,
    'stop': lambda line, given: Stop(line, given['stop']),
    'start': lambda line, given: Start(line, given['start']),
    'database': _database,
    'slack': _channel_fault('slack'),
    'sms': _channel_fault('sms'),
    'expect': lambda line, given: Expect(line, **given['expect']),
}
