"""What a scenario expects of a value: matchers, which say where and how it differs.

`bind(names)` puts the values of `$name` in; `match(found)` lists what differs, nothing if all is
as expected. Numbers are equal by value, but true is not 1; a datetime is its ISO text.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any, Protocol

from wumai.common.jsonable import jsonable
from wumai_testing.scenario.values import ABSENT, Ref, Value, resolve


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `path` is empty for the whole value; `found` may be ABSENT."""

    path: str
    wanted: str
    found: Any

    def __str__(self) -> str:
        where = f'{self.path}: ' if self.path else ''
        return f'{where}wanted {self.wanted}, found {shown(self.found)}'


class Matcher(Protocol):
    """What is expected of one value."""

    def bind(self, names: Mapping[str, Any]) -> 'Matcher':
        """The same with each `$name` replaced."""

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        """What differs in `found`, which stands at `path`."""


def shown(value: Any) -> str:
    """A value as a scenario would write it."""
    if value is ABSENT:
        return 'absent'
    return json.dumps(value, ensure_ascii=False, default=_shown_rest)


def _shown_rest(value: Any) -> str:
    try:
        return jsonable(value)
    except TypeError:
        return str(value) if isinstance(value, Ref) else repr(value)


@dataclass(frozen=True, slots=True)
class Anything:
    """`any`: all but absence."""

    def bind(self, _names: Mapping[str, Any]) -> 'Anything':
        return self

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        return [Mismatch(path, 'anything', found)] if found is ABSENT else []


@dataclass(frozen=True, slots=True)
class Absent:
    """`absent`: no such key, item or row."""

    def bind(self, _names: Mapping[str, Any]) -> 'Absent':
        return self

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        return [] if found is ABSENT else [Mismatch(path, 'absent', found)]


@dataclass(frozen=True, slots=True)
class Equal:
    """This value."""

    value: Value

    def bind(self, names: Mapping[str, Any]) -> 'Equal':
        return Equal(resolve(self.value, names))

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        equal = _same(self.value, _as_text(found))
        return [] if equal else [Mismatch(path, shown(self.value), found)]


@dataclass(frozen=True, slots=True)
class Regex:
    """`~pattern`: searched for in a text."""

    pattern: str

    def bind(self, _names: Mapping[str, Any]) -> 'Regex':
        return self

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        text = _as_text(found)
        if isinstance(text, str) and re.search(self.pattern, text):
            return []
        return [Mismatch(path, f'a text that matches /{self.pattern}/', found)]


@dataclass(frozen=True, slots=True)
class Contains:
    """A text that holds this one."""

    text: str | Ref

    def bind(self, names: Mapping[str, Any]) -> 'Contains':
        return Contains(str(resolve(self.text, names)))

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        if isinstance(found, str) and str(self.text) in found:
            return []
        return [Mismatch(path, f'a text that contains {shown(self.text)}', found)]


@dataclass(frozen=True, slots=True)
class Subset:
    """A mapping in which these keys match; others may be there."""

    entries: Mapping[str, Matcher]

    def bind(self, names: Mapping[str, Any]) -> 'Subset':
        return Subset({key: one.bind(names) for key, one in self.entries.items()})

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        if not isinstance(found, Mapping):
            keys = ', '.join(self.entries)
            return [Mismatch(path, f'a mapping with {keys}' if keys else 'a mapping', found)]
        return [
            mismatch
            for key, one in self.entries.items()
            for mismatch in one.match(found.get(key, ABSENT), f'{path}.{key}' if path else key)
        ]


@dataclass(frozen=True, slots=True)
class Exact:
    """A list of as many items, each of which matches the one at its place."""

    items: Sequence[Matcher]

    def bind(self, names: Mapping[str, Any]) -> 'Exact':
        return Exact(tuple(one.bind(names) for one in self.items))

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        if not _is_list(found):
            return [Mismatch(path, f'a list of {len(self.items)}', found)]
        pairs = zip_longest(self.items, found, fillvalue=ABSENT)
        return [
            mismatch
            for index, (one, item) in enumerate(pairs)
            for mismatch in _item_matcher(one).match(item, f'{path}[{index}]')
        ]


@dataclass(frozen=True, slots=True)
class Count:
    """A list of so many items."""

    number: int

    def bind(self, _names: Mapping[str, Any]) -> 'Count':
        return self

    def match(self, found: Any, path: str = '') -> list[Mismatch]:
        if _is_list(found) and len(found) == self.number:
            return []
        return [Mismatch(path, f'{self.number} of them', found)]


def _item_matcher(one: Any) -> Matcher:
    return Absent() if one is ABSENT else one


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _as_text(value: Any) -> Any:
    return jsonable(value) if isinstance(value, datetime) else value


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, dict) and isinstance(found, Mapping):
        return wanted.keys() == found.keys() and all(_same(wanted[k], found[k]) for k in wanted)
    if _is_list(wanted) and _is_list(found):
        return len(wanted) == len(found) and all(map(_same, wanted, found))
    return bool(wanted == found)
