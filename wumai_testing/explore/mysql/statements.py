"""Statements taken apart, once for each text: which table, which rows, which parameters."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wumai_testing.explore.mysql.errors import unknown

_TOKEN = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|%s|%%|\w+(?:\.\w+)*|<=|>=|!=|<>|\s+|.", re.DOTALL
)
_LOCKING = re.compile(
    r'\s+(FOR\s+UPDATE|FOR\s+SHARE|LOCK\s+IN\s+SHARE\s+MODE)(\s+SKIP\s+LOCKED|\s+NOWAIT)?\s*$',
    re.IGNORECASE,
)
_TABLES = re.compile(r'\b(?:FROM|JOIN)\s+`?(\w+)`?', re.IGNORECASE)
_CLAUSES = ('FROM', 'SET', 'WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'VALUES')


@dataclass(frozen=True, slots=True)
class Condition:
    """`column = %s` or `column IN (%s, ...)` that must hold: which parameters."""

    column: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a statement selects: its WHERE and what follows."""

    where: str
    order: str
    limit: bool
    params: slice
    """The parameters of WHERE."""
    tail: slice
    """The parameters of ORDER BY and LIMIT."""
    limit_text: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Select:
    text: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LockingSelect:
    table: str
    columns: str
    rows: Rows
    waits: str
    """'' waits for locks, 'SKIP' leaves locked rows out, 'NOWAIT' fails."""


@dataclass(frozen=True, slots=True)
class Update:
    table: str
    sets: tuple[tuple[str, str, slice], ...]
    """Column, expression, its parameters."""
    rows: Rows


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Insert:
    table: str
    text: str
    columns: tuple[str, ...]
    plain: bool
    """Each value is one parameter, in the order of the columns."""


Statement = Select | LockingSelect | Update | Delete | Insert


@lru_cache(maxsize=2000)
def parse(text: str) -> Statement:
    """What `text`, which has `%s` for parameters, is for the engine."""
    match text.split(None, 1)[0].upper():
        case 'SELECT':
            return _select(text)
        case 'UPDATE':
            return _update(text)
        case 'DELETE':
            return _delete(text)
        case 'INSERT':
            return _insert(text)
    raise unknown(text)


_NAMED = re.compile(r'%\((\w+)\)s')


@lru_cache(maxsize=2000)
def positional(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with `%(name)s` as one with `%s`, and the names in order."""
    return _NAMED.sub('%s', text), tuple(_NAMED.findall(text))


class _Clauses:
    """The clauses of one statement at the outermost level, each with its parameters."""

    def __init__(self, text: str) -> None:
        self.parts: dict[str, str] = {}
        self.params: dict[str, slice] = {}
        words: list[str] = []
        name, depth, count, first = '', 0, 0, 0
        for token in _TOKEN.findall(text):
            upper = token.upper()
            depth += (token == '(') - (token == ')')
            if depth == 0 and (upper in _CLAUSES or not (self.parts or name)):
                self._end(name, words, first, count)
                name, words, first = upper, [], count
                continue
            words.append(translated(token))
            count += token == '%s'
        self._end(name, words, first, count)
        self.count = count

    def _end(self, name: str, words: list[str], first: int, last: int) -> None:
        if name:
            self.parts[name] = ''.join(words).strip()
            self.params[name] = slice(first, last)

    def rows(self) -> Rows:
        where = self.parts.get('WHERE', '') or '1'
        params = self.params.get('WHERE', slice(0, 0))
        order = self.parts.get('ORDER', '').removeprefix('BY').strip()
        tail = slice(params.stop if 'WHERE' in self.params else self._tail_start(), self.count)
        return Rows(
            where=collated(where),
            order=order,
            limit='LIMIT' in self.parts,
            params=params,
            tail=tail,
            limit_text=self.parts.get('LIMIT', ''),
            conditions=tuple(_conditions(where, params.start)),
        )

    def _tail_start(self) -> int:
        named = [self.params[name].start for name in ('ORDER', 'LIMIT') if name in self.params]
        return min(named, default=self.count)


def translated(token: str) -> str:
    """A token for SQLite."""
    if token == '%s':
        return '?'
    if token == '%%':
        return '%'
    return token


def _name(text: str) -> str:
    name = text.strip().strip('`').split('.')[-1].strip('`')
    if not re.fullmatch(r'\w+', name):
        raise unknown(text)
    return name


def _select(text: str) -> Select | LockingSelect:
    locking = _LOCKING.search(text)
    if locking is None:
        return Select(collated(to_sqlite(text)), tuple(_TABLES.findall(text)))
    clauses = _Clauses(text[: locking.start()])
    if 'GROUP' in clauses.parts or 'HAVING' in clauses.parts:
        raise unknown(text)
    waits = (locking[2] or '').split()
    return LockingSelect(
        table=_name(clauses.parts['FROM']),
        columns=clauses.parts['SELECT'],
        rows=clauses.rows(),
        waits=waits[0].upper() if waits else '',
    )


def to_sqlite(text: str) -> str:
    """The whole statement with SQLite's marks."""
    return ''.join(translated(token) for token in _TOKEN.findall(text))


_CONCAT = re.compile(r'\(?concat\(([^()]*)\)\)?', re.IGNORECASE)


def collated(text: str) -> str:
    """`text` with functions of text that compare as text columns do."""
    return _CONCAT.sub(r'(concat(\1) COLLATE NOCASE)', text)


def _update(text: str) -> Update:
    clauses = _Clauses(text)
    sets, first = [], clauses.params['SET'].start
    for assignment in split(clauses.parts['SET'], ','):
        column, _, expression = assignment.partition('=')
        last = first + expression.count('?')
        sets.append((_name(column), expression.strip(), slice(first, last)))
        first = last
    return Update(_name(clauses.parts['UPDATE']), tuple(sets), clauses.rows())


def _delete(text: str) -> Delete:
    clauses = _Clauses(text)
    return Delete(_name(clauses.parts['FROM']), clauses.rows())


_INSERT = re.compile(
    r'INSERT\s+INTO\s+`?(\w+)`?\s*\(([^)]*)\)\s*VALUES\s*(\(.*\))\s*$', re.IGNORECASE | re.DOTALL
)


def _insert(text: str) -> Insert:
    found = _INSERT.match(text.strip())
    if not found:
        raise unknown(text)
    columns = tuple(_name(column) for column in found[2].split(','))
    values = [value.strip() for value in split(found[3].strip()[1:-1], ',')]
    plain = values == ['%s'] * len(columns)
    return Insert(found[1], to_sqlite(text), columns, plain)


def split(text: str, separator: str) -> list[str]:
    """`text` split at a separator that stands in no parentheses and no quotes."""
    parts: list[str] = []
    words: list[str] = []
    depth = 0
    for token in _TOKEN.findall(text):
        depth += (token == '(') - (token == ')')
        if depth == 0 and token.upper() == separator:
            parts.append(''.join(words))
            words = []
        else:
            words.append(token)
    return [*parts, ''.join(words)]


_EQUAL = re.compile(r'\(*\s*(?:\w+\.)?`?(\w+)`?\s*=\s*\?\s*\)*$')
_IN = re.compile(r'(?:\w+\.)?`?(\w+)`?\s+IN\s*\(([?,\s]*)\)$', re.IGNORECASE)


def _conditions(where: str, first: int) -> Any:
    for part in split(where, 'AND'):
        count = part.count('?')
        if found := _EQUAL.match(part.strip()) or _IN.match(part.strip()):
            yield Condition(found[1], first, count)
        first += count
