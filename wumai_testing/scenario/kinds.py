"""Kinds of values: each reads a node, and describes itself as JSON Schema.

`read` reports what is wrong and returns None then; what was read of a file with a problem is
thrown away as a whole.
"""

import base64
import binascii
import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

from wumai.common.jsonable import jsonable
from wumai_testing.duration import UNITS, parse_duration
from wumai_testing.scenario.context import Context, nearest
from wumai_testing.scenario.model import Offset
from wumai_testing.scenario.yaml_source import Mapping, Node, Scalar, Sequence

Schema: TypeAlias = dict[str, Any]

LONGEST = 365_000 * 86400
"""Seconds that a duration may last: the calendar ends with the year 9999."""

_NUMBER = r'\d+(?:\.\d+)?'
DURATION_PATTERN = '(?=.)' + ''.join(f'(?:{_NUMBER}{unit})?' for unit in UNITS)
TIME_PATTERN = r'\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?'
_BARE_NUMBER = re.compile(rf'[-+]?{_NUMBER}')
_TIME = re.compile(TIME_PATTERN)


class Kind(Protocol):
    """A kind of value."""

    def read(self, ctx: Context, node: Node, key: str) -> Any:
        """The value that `node`, which stands at `key`, holds."""

    def schema(self) -> Schema:
        """The same as JSON Schema."""


def is_text(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str)


def text_of(node: Node) -> str:
    """The text of a scalar that holds one, else nothing."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ''


def number_of(node: Node) -> int | float | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def quote_advice(node: Node) -> str:
    """How to make a text of a number or a boolean."""
    if isinstance(node, Scalar) and isinstance(node.value, bool | int | float):
        return f'quote it: "{node.text}"'
    return ''


@dataclass(frozen=True)
class Text:
    """A text that is not empty and fits a pattern."""

    wanted: str = 'a text'
    pattern: str = r'[\s\S]*\S[\s\S]*'

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        if is_text(node) and re.fullmatch(self.pattern, text_of(node)):
            return text_of(node)
        ctx.wrong(node, key, self.wanted, quote_advice(node))
        return None

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^(?:{self.pattern})$'}


def any_text(wanted: str = 'a text') -> Text:
    """A text, which may be empty."""
    return Text(wanted, r'[\s\S]*')


@dataclass(frozen=True)
class Whole:
    """A whole number between two others."""

    minimum: int | None = None
    maximum: int | None = None

    def read(self, ctx: Context, node: Node, key: str) -> int | None:
        number = number_of(node)
        if isinstance(number, int) and self._is_between(number):
            return number
        ctx.wrong(node, key, f'a whole number{self._limits()}')
        return None

    def _is_between(self, number: int) -> bool:
        above = self.minimum is None or number >= self.minimum
        return above and (self.maximum is None or number <= self.maximum)

    def _limits(self) -> str:
        if self.minimum is None:
            return ', such as 3'
        return f' of at least {self.minimum}' + (
            f' and at most {self.maximum}' if self.maximum is not None else ''
        )

    def schema(self) -> Schema:
        limits = {'minimum': self.minimum, 'maximum': self.maximum}
        return {'type': 'integer'} | {k: v for k, v in limits.items() if v is not None}


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        if text_of(node) in self.words:
            return text_of(node)
        hint = nearest(text_of(node), self.words, 'choices') if is_text(node) else ''
        listed = ' or '.join(f'`{word}`' for word in self.words)
        ctx.wrong(node, key, listed, hint.removeprefix('; '))
        return None

    def schema(self) -> Schema:
        return {'enum': list(self.words)}


@dataclass(frozen=True)
class Duration:
    """A duration with its unit, as seconds."""

    def read(self, ctx: Context, node: Node, key: str) -> float | None:
        try:
            seconds = parse_duration(_with_unit(node))
        except ValueError:
            ctx.wrong(node, key, _A_DURATION, _unit_advice(node))
            return None
        if seconds > LONGEST:
            ctx.report(node, f'`{key}`: {text_of(node)} is more than {LONGEST // 86400} days')
        return seconds

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^{DURATION_PATTERN}$'}


_A_DURATION = 'a duration with its unit (s, m, h, d), such as 10m or 1h30m'


def _with_unit(node: Node) -> str:
    if not is_text(node):
        raise ValueError
    return text_of(node)


def _unit_advice(node: Node) -> str:
    text = node.text if isinstance(node, Scalar) else ''
    if not _BARE_NUMBER.fullmatch(text):
        return 'it cannot be negative' if text.startswith('-') else ''
    number = text.lstrip('+-')
    return f'write {number}s or {number}m'


@dataclass(frozen=True)
class Seconds:
    """A number of seconds as in the API, or a duration."""

    whole: bool = False
    minimum: int | None = None

    def read(self, ctx: Context, node: Node, key: str) -> float | None:
        seconds = number_of(node)
        if seconds is None and is_text(node):
            try:
                seconds = parse_duration(text_of(node))
            except ValueError:
                ctx.wrong(node, key, self._wanted())
                return None
        if seconds is None or not self._fits(seconds):
            ctx.wrong(node, key, self._wanted())
            return None
        return int(seconds) if self.whole else seconds

    def _fits(self, seconds: float) -> bool:
        if self.whole and seconds != int(seconds):
            return False
        return self.minimum is None or seconds >= self.minimum

    def _wanted(self) -> str:
        least = '' if self.minimum is None else f', at least {self.minimum}'
        return f'{"whole " if self.whole else ""}seconds or a duration, such as 60 or 10m{least}'

    def schema(self) -> Schema:
        number: Schema = {'type': 'integer' if self.whole else 'number'}
        if self.minimum is not None:
            number['minimum'] = self.minimum
        return {'anyOf': [number, Duration().schema()]}


@dataclass(frozen=True)
class Moment:
    """A time in ISO 8601, as naive UTC."""

    def read(self, ctx: Context, node: Node, key: str) -> datetime | None:
        text = text_of(node)
        if not _TIME.fullmatch(text):
            ctx.wrong(node, key, _A_TIME)
            return None
        try:
            return to_utc(text)
        except ValueError as error:
            ctx.report(node, f'`{key}`: there is no such time as {text} ({error})')
            return None

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': f'^{TIME_PATTERN}$'}


@dataclass(frozen=True)
class TimeText:
    """A time, as the text that it is in JSON."""

    def read(self, ctx: Context, node: Node, key: str) -> str | None:
        moment = Moment().read(ctx, node, key)
        return None if moment is None else jsonable(moment)

    def schema(self) -> Schema:
        return Moment().schema()


_A_TIME = 'a time, such as 2026-01-01T00:00:00Z'


def to_utc(text: str) -> datetime:
    """An ISO time as naive UTC; one without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


@dataclass(frozen=True)
class RunAt:
    """A time, or an offset from now."""

    def read(self, ctx: Context, node: Node, key: str) -> datetime | Offset | None:
        text = text_of(node)
        if _TIME.fullmatch(text):
            return Moment().read(ctx, node, key)
        try:
            return _offset(text)
        except ValueError:
            wanted = f'{_A_TIME}, or an offset from now such as +10m'
            ctx.wrong(node, key, wanted, _offset_advice(node))
            return None

    def schema(self) -> Schema:
        offset = {'type': 'string', 'pattern': rf'^[-+]{DURATION_PATTERN}$'}
        return {'anyOf': [Moment().schema(), offset]}


def _offset_advice(node: Node) -> str:
    text = node.text if isinstance(node, Scalar) else ''
    if _BARE_NUMBER.fullmatch(text):
        return f'write {text if text[0] in "+-" else "+" + text}s'
    return f'write +{text}' if re.fullmatch(DURATION_PATTERN, text) else ''


def _offset(text: str) -> Offset:
    if text[:1] not in ('+', '-'):
        raise ValueError
    seconds = parse_duration(text[1:])
    return Offset(-seconds if text[0] == '-' else seconds)


@dataclass(frozen=True)
class Nullable:
    """null, or a value of this kind."""

    kind: Kind

    def read(self, ctx: Context, node: Node, key: str) -> Any:
        if isinstance(node, Scalar) and node.value is None:
            return None
        return self.kind.read(ctx, node, key)

    def schema(self) -> Schema:
        return {'anyOf': [{'type': 'null'}, self.kind.schema()]}


@dataclass(frozen=True)
class Base64:
    """Bytes, in base 64; white space does not count."""

    def read(self, ctx: Context, node: Node, key: str) -> bytes | None:
        if not is_text(node):
            ctx.wrong(node, key, 'bytes in base 64, such as "/w=="')
            return None
        try:
            return base64.b64decode(''.join(text_of(node).split()), validate=True)
        except (binascii.Error, ValueError) as error:
            ctx.report(node, f'`{key}` is no base 64: {error}')
            return None

    def schema(self) -> Schema:
        return {'type': 'string', 'pattern': r'^[A-Za-z0-9+/\s]*={0,2}\s*$'}


@dataclass(frozen=True)
class ListOf:
    """A list, each item of one kind."""

    kind: Kind
    wanted: str

    def read(self, ctx: Context, node: Node, key: str) -> tuple[Any, ...]:
        if not isinstance(node, Sequence):
            ctx.wrong(node, key, self.wanted)
            return ()
        return tuple(self.kind.read(ctx, item, key) for item in node.items)

    def schema(self) -> Schema:
        return {'type': 'array', 'items': self.kind.schema()}


@dataclass(frozen=True)
class MapOf:
    """A mapping of names of the app's choice, each value of one kind."""

    kind: Kind
    wanted: str
    key_pattern: str = r'[^=\s]+'
    key_wanted: str = 'no space and no ='

    def read(self, ctx: Context, node: Node, key: str) -> AnyMapping[str, Any]:
        if not isinstance(node, Mapping):
            ctx.wrong(node, key, self.wanted)
            return {}
        for name, (where, _) in node.entries.items():
            if not re.fullmatch(self.key_pattern, name):
                ctx.report(where, f'a name in `{key}` has {self.key_wanted}, unlike `{name}`')
        return {name: self.kind.read(ctx, value, name) for name, (_, value) in node.entries.items()}

    def schema(self) -> Schema:
        return {
            'type': 'object',
            'propertyNames': {'pattern': f'^{self.key_pattern}$'},
            'additionalProperties': self.kind.schema(),
        }
