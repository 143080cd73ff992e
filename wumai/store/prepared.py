"""Statements of the hot path: compiled to text once, and run as text from then on.

SQLAlchemy looks up the text of a statement at each execution, expands its lists anew, and wraps
cursor, result and rows; for what a worker runs all day that costs more than the driver does.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Dialect
from sqlalchemy.engine import Connection

SHAPES = 2000
"""Texts that are kept: one for each statement, kind of database and length of its lists."""
LENGTHS = sorted({round(10 ** (step / 10)) for step in range(30)})
"""Of lists after `padded`, a quarter more from one to the next. MariaDB joins a list of a thousand
and more as a table, and then locks all of its rows, whatever the limit.
"""

Values = Mapping[str, Any]
Marks = Mapping[str, Any]
"""What stands for the values: a mark for each, and a list of marks for a list."""

_T = TypeVar('_T')
_Shape = tuple[tuple[str, ...], tuple[int | None, ...]]
"""The names of a statement's values, and of each the length, if it is a list."""


class Prepared:
    """A statement with named values, of which some are lists.

    They are given to the driver as they are, so times go through `stamp` before.
    """

    def __init__(self, make: Callable[[str, Marks], Any]) -> None:
        self._make = make
        """The statement, for the name of a dialect and the marks."""

    def bound(self, dialect: Any, values: Values) -> tuple[str, tuple[Any, ...]]:
        """The text for such values in the dialect of that class, and what its driver is given."""
        sizes = [len(v) if v.__class__ is list else None for v in values.values()]
        text, order = _compiled(self, dialect, (tuple(values), tuple(sizes)))
        given: list[Any] = []
        for part in order:
            if part.__class__ is not _Mark:
                given.append(part)
            elif part.many:
                given += values[part.name]
            else:
                given.append(values[part.name])
        return text, tuple(given)

    def of(self, dialect: Any, names: Sequence[str]) -> str:
        """The text for single values, in the order of `names`."""
        text, _ = _compiled(self, dialect, (tuple(names), (None,) * len(names)))
        return text

    def compile(self, dialect: Dialect, shape: _Shape) -> tuple[str, list[Any]]:
        """The text, and what the driver is given: constants, and marks of values."""
        marks = {
            name: _Mark(name, False) if size is None else [_Mark(name, True)] * size
            for name, size in zip(*shape, strict=True)
        }
        compiled = self._make(dialect.name, marks).compile(dialect=dialect)
        state = compiled.construct_expanded_state(marks, escape_names=False)
        order: list[Any] = []
        for part in state.positional_parameters:
            if not (isinstance(part, _Mark) and part.many and order and order[-1] is part):
                order.append(part)
        return state.statement, order


def execute(connection: Connection, text: str, values: tuple[Any, ...] = ()) -> Any:
    """The driver's cursor after `text`, with SQLAlchemy's events, log and errors, and no more."""
    try:
        cursor = connection.connection.cursor()
    except connection.dialect.loaded_dbapi.Error:  # lost: SQLAlchemy throws it away
        return connection.exec_driver_sql(text, values).cursor
    connection._cursor_execute(cursor, text, values)
    return cursor


class _Mark:
    """Stands for a value, or for all of a list, in the order in which the driver wants them."""

    def __init__(self, name: str, many: bool) -> None:
        self.name = name
        self.many = many


@lru_cache(maxsize=SHAPES)
def _compiled(statement: Prepared, dialect: Any, shape: _Shape) -> tuple[str, list[Any]]:
    # A dialect of its own, which takes its values by position: so they are one tuple.
    by_position = {} if dialect.default_paramstyle == 'qmark' else {'paramstyle': 'format'}
    return statement.compile(dialect(**by_position), shape)


def padded(values: list[_T], filler: _T | None = None) -> list[_T]:
    """`values`, and `filler` or the last of them again, up to one of a few lengths: to compile a
    text for each length costs up to 10 ms.
    """
    length = next((one for one in LENGTHS if one >= len(values)), 0)
    return values + (values[-1:] if filler is None else [filler]) * (length - len(values))


def stamp(dialect: str, moment: datetime | None) -> Any:
    """A time in whole seconds as the driver is given it: as text, where text is what is sent."""
    if moment is None:
        return None
    if dialect == 'postgresql':
        return moment.replace(microsecond=0)
    return moment.isoformat(' ', 'seconds')
