"""Values with `$name` in them, and what is expected of values: JSON to matchers."""

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Any

from wumai_testing.scenario.context import Context
from wumai_testing.scenario.kinds import Kind, Schema, Text, is_text, quote_advice, text_of
from wumai_testing.scenario.matching import (
    Absent,
    Anything,
    Contains,
    Count,
    Equal,
    Exact,
    Matcher,
    Regex,
    Subset,
)
from wumai_testing.scenario.tables import Fields, report_unknown
from wumai_testing.scenario.values import IS_NAME, NAME, Ref, Value
from wumai_testing.scenario.yaml_source import Mapping, Node, Scalar, Sequence

_KEYWORDS: dict[str, Matcher] = {'any': Anything(), 'absent': Absent()}
_ESCAPED = re.compile(r'\\(?=\\*(?:~|any$|absent$))')
_JOB_NAME = rf'\$?{NAME}'
KEYWORD_PATTERN = rf'^(?:any|absent|~[\s\S]*|\${NAME})$'
VALUE_PATTERN = rf'^(?!\$)|^\$\$|^\${NAME}$'


def read_text(ctx: Context, node: Node, text: str) -> str | Ref:
    """A text in which `$name` stands for a value, and `$$` for a dollar sign."""
    if not text.startswith('$'):
        return text
    if text.startswith('$$'):
        return text[1:]
    if not IS_NAME.fullmatch(text[1:]):
        ctx.report(node, f'`{text}`: a text that begins with a dollar sign is written `${text}`')
        return text
    ctx.check_name(node, text[1:])
    return Ref(text[1:])


@dataclass(frozen=True)
class Json:
    """Any JSON, with `$name` in its texts."""

    def read(self, ctx: Context, node: Node, key: str) -> Value:
        if isinstance(node, Mapping):
            return {name: self.read(ctx, one, name) for name, (_, one) in node.entries.items()}
        if isinstance(node, Sequence):
            return [self.read(ctx, item, key) for item in node.items]
        return read_text(ctx, node, text_of(node)) if is_text(node) else node.value

    def schema(self) -> Schema:
        return {'$ref': '#/$defs/value'}


@dataclass(frozen=True)
class TextOrRef:
    """A text or a `$name`; nothing else."""

    wanted: str

    def read(self, ctx: Context, node: Node, key: str) -> str | Ref | None:
        if is_text(node):
            return read_text(ctx, node, text_of(node))
        ctx.wrong(node, key, self.wanted, quote_advice(node))
        return None

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': VALUE_PATTERN}


@dataclass(frozen=True)
class Params:
    """The params of a job: a mapping, the raw text of the column, or null."""

    def read(self, ctx: Context, node: Node, key: str) -> Value:
        if isinstance(node, Sequence) or (
            isinstance(node, Scalar) and not isinstance(node.value, str | None)
        ):
            text = node.text if isinstance(node, Scalar) else '[1, 2]'
            advice = f"the column's text as it is, quoted: '{text}'"
            ctx.wrong(node, key, 'a mapping such as {name: web-1}, or ' + advice)
        return Json().read(ctx, node, key)

    def schema(self) -> Schema:
        text = {'type': 'string', 'pattern': VALUE_PATTERN}
        table = {'type': 'object', 'additionalProperties': Json().schema()}
        return {'anyOf': [table, text, {'type': 'null'}]}


@dataclass(frozen=True)
class Expected:
    """What is expected of a value: of any JSON, or of one `kind`."""

    kind: Kind | None = None

    def read(self, ctx: Context, node: Node, key: str) -> Matcher:
        matcher = self._keyword(ctx, node)
        if matcher is not None:
            return matcher
        if self.kind is None or text_of(node).startswith('$'):
            return self._json(ctx, node, key)
        return Equal(self.kind.read(ctx, _unescaped(node), key))

    def _keyword(self, ctx: Context, node: Node) -> Matcher | None:
        text = text_of(node)
        if text.startswith('~'):
            return _regex(ctx, node, text[1:])
        return _KEYWORDS.get(text)

    def _json(self, ctx: Context, node: Node, key: str) -> Matcher:
        inner = Expected()
        if isinstance(node, Mapping):
            entries = node.entries.items()
            return Subset({name: inner.read(ctx, one, name) for name, (_, one) in entries})
        if isinstance(node, Sequence):
            return Exact(tuple(inner.read(ctx, item, key) for item in node.items))
        if is_text(node):
            return Equal(read_text(ctx, node, _ESCAPED.sub('', text_of(node), count=1)))
        return Equal(node.value)

    def schema(self) -> Schema:
        if self.kind is None:
            return {'$ref': '#/$defs/expected'}
        return {'anyOf': [{'$ref': '#/$defs/keyword'}, self.kind.schema()]}


def _unescaped(node: Node) -> Node:
    text = text_of(node)
    if not _ESCAPED.match(text):
        return node
    return Scalar(node.line, node.column, text[1:], text[1:])


def _regex(ctx: Context, node: Node, pattern: str) -> Regex:
    try:
        re.compile(pattern)
    except re.error as error:
        ctx.report(node, f'`~{pattern}` is no regular expression: {error}')
    return Regex(pattern)


@dataclass(frozen=True)
class Columns:
    """What is expected of a row: a mapping of some of its columns."""

    fields: Fields
    example: str
    may_be_absent: bool = False

    def read(self, ctx: Context, node: Node, key: str) -> Matcher:
        if self.may_be_absent and text_of(node) in _KEYWORDS:
            return _KEYWORDS[text_of(node)]
        if not isinstance(node, Mapping) or not node.entries:
            ctx.wrong(node, key, f'a mapping such as {self.example}')
            return Absent()
        report_unknown(ctx, node, self.fields, f'in `{key}`')
        known = {name: one for name, one in node.entries.items() if name in self.fields}
        return Subset(
            {name: self.fields[name].kind.read(ctx, one, name) for name, (_, one) in known.items()}
        )

    def schema(self) -> Schema:
        table: Schema = {
            'type': 'object',
            'properties': {name: one.schema() for name, one in self.fields.items()},
            'additionalProperties': False,
            'minProperties': 1,
        }
        return {'anyOf': [{'enum': ['any', 'absent']}, table]} if self.may_be_absent else table


@dataclass(frozen=True)
class Message:
    """What is expected of one message: a text that it contains, or that is searched for."""

    def read(self, ctx: Context, node: Node, key: str) -> Matcher:
        text = text_of(node)
        if not text or text == 'absent':
            ctx.wrong(node, key, 'a text that the message contains, such as "gave up"')
            return Anything()
        if text == 'any':
            return Anything()
        if text.startswith('~'):
            return _regex(ctx, node, text[1:])
        return Contains(read_text(ctx, node, _ESCAPED.sub('', text, count=1)))

    def schema(self) -> Schema:
        return {
            'type': 'string',
            'minLength': 1,
            'not': {'const': 'absent'},
            'pattern': VALUE_PATTERN,
        }


@dataclass(frozen=True)
class CountOrEach:
    """How many there are, or what is expected of each."""

    item: Kind
    example: str

    def read(self, ctx: Context, node: Node, key: str) -> Matcher:
        if isinstance(node, Sequence):
            return Exact(tuple(self.item.read(ctx, one, key) for one in node.items))
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return Count(value)
        ctx.wrong(node, key, f'a count such as 2, or a list such as {self.example}')
        return Count(0)

    def schema(self) -> Schema:
        count = {'type': 'integer', 'minimum': 0}
        return {'anyOf': [count, {'type': 'array', 'items': self.item.schema()}]}


@dataclass(frozen=True)
class JobName:
    """A job: its alias, or `$name` of an id that was saved."""

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        text = Text('a job such as job1, or $name of an id', _JOB_NAME).read(ctx, node, key)
        return None if text is None else self.meant(ctx, node, text)

    @staticmethod
    def meant(ctx: Context, node: Node, text: str) -> str:
        """The name itself, which steps before have to declare."""
        if text.startswith('$'):
            ctx.check_name(node, text[1:])
            return text[1:]
        ctx.check_alias(node, text)
        return text

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^{_JOB_NAME}$'}


@dataclass(frozen=True)
class PerJob:
    """A mapping by job."""

    kind: Kind
    example: str

    def read(self, ctx: Context, node: Node, key: str) -> AnyMapping[str, Any]:
        if not isinstance(node, Mapping) or not node.entries:
            ctx.wrong(node, key, f'a mapping by job such as {self.example}')
            return {}
        found: dict[str, Any] = {}
        for text, (where, value) in node.entries.items():
            name = JobName.meant(ctx, where, text)
            if name in found:
                ctx.report(where, f'the job `{name}` is there twice in `{key}`')
            found[name] = self.kind.read(ctx, value, text)
        return found

    def schema(self) -> Schema:
        return {
            'type': 'object',
            'minProperties': 1,
            'propertyNames': {'pattern': f'^{_JOB_NAME}$'},
            'additionalProperties': self.kind.schema(),
        }


DEFINITIONS: AnyMapping[str, Schema] = {
    'value': {
        'description': 'JSON; `$name` stands for what was saved or for a job, `$$` for a $',
        'anyOf': [
            {'type': ['null', 'boolean', 'number']},
            {'type': 'string', 'pattern': VALUE_PATTERN},
            {'type': 'array', 'items': {'$ref': '#/$defs/value'}},
            {'type': 'object', 'additionalProperties': {'$ref': '#/$defs/value'}},
        ],
    },
    'keyword': {
        'description': 'any: all but absence; absent; ~regex: searched for; $name',
        'type': 'string',
        'pattern': KEYWORD_PATTERN,
    },
    'expected': {
        'description': 'a value; any, absent, ~regex, $name; a mapping is a subset, a list exact',
        'anyOf': [
            {'type': ['null', 'boolean', 'number']},
            {'type': 'string', 'pattern': VALUE_PATTERN},
            {'type': 'array', 'items': {'$ref': '#/$defs/expected'}},
            {'type': 'object', 'additionalProperties': {'$ref': '#/$defs/expected'}},
        ],
    },
}
