"""YAML as nodes that know their line and column; nothing is constructed from tags.

Reads the parser's events, so that a doubled key, a tag, and a scalar that programs read
differently are still to be seen. All that is wrong is collected, not only the first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from wumai_testing.scenario.errors import Problem
from wumai_testing.scenario.scalars import Atom, plain_value

MAX_DEPTH = 50
MAX_NODES = 50_000
"""Aliases count as what they stand for, so that a few lines cannot become millions of values."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `refused`: it has been reported, and nothing more is to be said about it."""

    line: int
    column: int
    text: str
    value: Atom
    refused: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: 'tuple[Node, ...]'
    size: int = 1


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, in the order of the file; a doubled key is there once, with its first value."""

    line: int
    column: int
    entries: 'dict[str, tuple[Scalar, Node]]'
    size: int = 1

    def get(self, key: str) -> 'Node | None':
        """The value of a key."""
        return self.entries[key][1] if key in self.entries else None


Node: TypeAlias = Scalar | Sequence | Mapping


class Source:
    """The text of a file, and what has been found wrong with it."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text.removeprefix('\ufeff')
        self.path = path
        self.problems: list[Problem] = []
        self._lines = re.split('\r\n|[\n\r\x85\u2028\u2029]', self.text)

    def report(self, line: int, column: int, message: str) -> None:
        """Note a problem; once, where aliases bring it up again."""
        source = self._lines[line - 1] if line <= len(self._lines) else ''
        problem = Problem(self.path, line, column, message, source)
        if problem not in self.problems:
            self.problems.append(problem)

    def parse(self) -> Node | None:
        """The document, or None where it cannot be read; what is wrong is in `problems`."""
        try:
            return _Builder(self).document()
        except _Stop as stop:
            self.report(stop.line, stop.column, stop.message)
        except yaml.MarkedYAMLError as error:
            self._report_syntax(error)
        except yaml.reader.ReaderError as error:
            before = self.text[: error.position]
            line, column = before.count('\n') + 1, len(before) - before.rfind('\n')
            self.report(line, column, f'this is no YAML: {error.reason}')
        return None

    def _report_syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f'this is no YAML: {error.problem or error.context}'
        self.report(line, column, message + _hint(message))


def plain(node: Node) -> Any:
    """The node as plain Python values, as a reader of JSON would see them."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


_HINTS = {
    r"character '\t'": '; indent with spaces',
    'mapping values are not allowed': '; quote a text that contains a colon and a space',
    'that cannot start any token': '; quote a text that begins with it',
}


def _hint(message: str) -> str:
    return next((hint for sign, hint in _HINTS.items() if sign in message), '')


class _Stop(Exception):
    """Nothing can be said about the rest of the file."""

    def __init__(self, event: Any, message: str) -> None:
        self.line, self.column = _place(event)
        self.message = message


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Builder:
    """Builds nodes from the parser's events."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._events: Iterator[Any] = iter(yaml.parse(source.text, Loader=yaml.SafeLoader))
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0

    def document(self) -> Node | None:
        """The only document of the file."""
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _Stop(
                event, 'the file is empty; a scenario begins with `scenario: what it shows`'
            )
        root = self._node(next(self._events), 0)
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _Stop(event, 'a second document begins here: one file holds one scenario')
        return root

    def _node(self, event: Any, depth: int, is_key: bool = False) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _Stop(event, f'this is more than {MAX_DEPTH} levels deep')
        if event.tag is not None:
            self._report(
                event, f'tags such as `{event.tag}` are not read; quote what is to be text'
            )
        self._count(event, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._content(event, depth, is_key)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: Any, depth: int, is_key: bool) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, is_key)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth + 1)
        return self._mapping(event, depth + 1)

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            known = ', '.join(f'&{name}' for name in self._anchors) or 'none'
            raise _Stop(event, f'`*{event.anchor}` has no anchor before it; there are: {known}')
        node = self._anchors[event.anchor]
        if node is None:
            raise _Stop(event, f'`*{event.anchor}` stands for a value that holds itself')
        self._count(event, node.size)
        return node

    def _count(self, event: Any, more: int) -> None:
        self._nodes += more
        if self._nodes > MAX_NODES:
            raise _Stop(event, f'the file stands for more than {MAX_NODES} values')

    def _scalar(self, event: Any, is_key: bool) -> Scalar:
        line, column = _place(event)
        if is_key or not event.implicit[0]:
            return Scalar(line, column, event.value, event.value)
        value, refused = plain_value(event.value)
        if refused:
            self._report(event, refused)
        return Scalar(line, column, event.value, value, bool(refused))

    def _sequence(self, start: Any, depth: int) -> Sequence:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth))
        return Sequence(*_place(start), tuple(items), 1 + sum(item.size for item in items))

    def _mapping(self, start: Any, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth)
            size += value.size + 1
            if key.text in entries:
                first = entries[key.text][0].line
                message = f'the key `{key.text}` is there twice, first in line {first}'
                self._source.report(key.line, key.column, message)
            entries.setdefault(key.text, (key, value))
        return Mapping(*_place(start), entries, size)

    def _key(self, event: Any, depth: int) -> Scalar:
        """A key is text, whatever it looks like: JSON has no others."""
        key = self._node(event, depth, is_key=True)
        if not isinstance(key, Scalar):
            raise _Stop(event, 'a key must be text, this is a list or a mapping')
        if getattr(event, 'implicit', (False,))[0] and key.text in ('', '<<'):
            fix = 'write the keys out' if key.text else 'write one before the colon'
            self._report(event, f'{"merge keys are not read" if key.text else "no key"}; {fix}')
        return key

    def _report(self, event: Any, message: str) -> None:
        self._source.report(*_place(event), message)
