"""What MySQL in its strict mode does to a value on its way into a column."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Enum, LargeBinary
from sqlalchemy import types as kinds

from wumai_testing.explore.mysql.errors import (
    BAD_NULL,
    BAD_TIME,
    BAD_VALUE,
    OUT_OF_RANGE,
    TOO_LONG,
    mysql_error,
)

TEXT_BYTES = 65_535
_INTS = {kinds.SmallInteger: 2**15, kinds.BigInteger: 2**63, kinds.Integer: 2**31}
_WIDE = re.compile('[\U00010000-\U0010ffff]')
_SECOND = timedelta(seconds=1)

# Bound while they are the real ones: freezegun replaces the class `datetime` in this module.
_from_iso = datetime.fromisoformat
_strftime = '%Y-%m-%d %H:%M:%S'


def literal(value: Any) -> Any:
    """A parameter as its text in the statement compares."""
    if value is None or isinstance(value, int | float | str | bytes):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, datetime):
        text = value.strftime(_strftime)
        return f'{text}.{value.microsecond:06d}' if value.microsecond else text
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def read_datetime(raw: bytes) -> Any:
    return _from_iso(raw.decode())


@dataclass(frozen=True)
class ColumnSpec:
    """One column: its name, its type in SQLite and in MySQL, and what it does to values."""

    name: str
    sqlite: str
    mysql: str
    nullable: bool
    store: Callable[[Any, str], Any]

    def checked(self, value: Any) -> Any:
        """`value` as the column holds it. Raises what the server would."""
        if value is None:
            if not self.nullable:
                raise mysql_error(BAD_NULL, f"Column '{self.name}' cannot be null")
            return None
        return self.store(value, self.name)


def column_spec(column: Column[Any], *, narrow: bool = False) -> ColumnSpec:
    """The column of a table as MySQL would make it; `narrow`: its charset is utf8mb3."""
    sqlite, mysql, store = _kind(column.type, narrow)
    nullable = bool(column.nullable) and not column.primary_key
    return ColumnSpec(column.name, sqlite, mysql, nullable, store)


def _kind(kind: Any, narrow: bool) -> tuple[str, str, Callable[[Any, str], Any]]:
    kind = getattr(kind, 'impl_instance', None) or getattr(kind, 'impl', kind)
    if isinstance(kind, LargeBinary):
        return 'BLOB', 'blob', lambda value, _: value
    if isinstance(kind, kinds.String | Enum):
        return _text_kind(kind, narrow)
    if isinstance(kind, kinds.DateTime):
        return 'wumai_datetime', 'datetime', _store_datetime
    if isinstance(kind, kinds.Boolean):
        return 'INTEGER', 'tinyint(1)', _int_store(2**7)
    for base, limit in _INTS.items():
        if isinstance(kind, base):
            return 'INTEGER', 'bigint(20)' if limit == 2**63 else 'int(11)', _int_store(limit)
    if isinstance(kind, kinds.Numeric):
        return 'REAL', 'double', lambda value, _: float(value)
    return 'TEXT', 'longtext', lambda value, _: str(value)


def _text_kind(kind: Any, narrow: bool) -> tuple[str, str, Callable[[Any, str], Any]]:
    # MySQL's collations ignore case; NOCASE does for ASCII.
    collated = 'TEXT COLLATE NOCASE'
    if kind.length and not isinstance(kind, kinds.Text):
        return collated, f'varchar({kind.length})', _text_store(kind.length, len, narrow)
    return collated, 'text', _text_store(TEXT_BYTES, _bytes, narrow)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode('utf-8', 'surrogateescape'))


def _text_store(limit: int, size: Callable[[str], int], narrow: bool) -> Callable[[Any, str], Any]:
    def store(value: Any, name: str) -> str:
        text = str(value)
        if not text.isascii():
            _check_characters(text, name, narrow)
        if len(text) * 4 > limit and size(text) > limit:
            raise mysql_error(TOO_LONG, f"Data too long for column '{name}' at row 1")
        return text

    return store


def _check_characters(text: str, name: str, narrow: bool) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise mysql_error(BAD_VALUE, f"Incorrect string value for column '{name}'") from None
    if narrow and (found := _WIDE.search(text)):
        raw = ''.join(f'\\x{byte:02X}' for byte in found[0].encode())
        raise mysql_error(BAD_VALUE, f"Incorrect string value: '{raw}' for column '{name}'")


def _int_store(limit: int) -> Callable[[Any, str], Any]:
    def store(value: Any, name: str) -> int:
        try:
            number = value if isinstance(value, int) else int(Decimal(str(value)).to_integral())
        except (ArithmeticError, ValueError):
            raise mysql_error(
                BAD_VALUE, f"Incorrect integer value: '{value}' for column '{name}' at row 1"
            ) from None
        if not -limit <= number < limit:
            raise mysql_error(OUT_OF_RANGE, f"Out of range value for column '{name}' at row 1")
        return number

    return store


def _store_datetime(value: Any, name: str) -> str:
    """DATETIME without a fraction: rounded to the nearest second, half up, not cut."""
    if isinstance(value, str) and len(value) == 19:
        return value
    try:
        moment = value if isinstance(value, date) else _from_iso(str(value))
        if not isinstance(moment, datetime):
            moment = _from_iso(moment.isoformat())
        if moment.microsecond:
            up = moment.microsecond >= 500_000
            moment = moment.replace(microsecond=0) + (_SECOND if up else timedelta())
        return moment.strftime(_strftime)
    except (ValueError, TypeError, OverflowError):
        raise mysql_error(
            BAD_TIME, f"Incorrect datetime value: '{value}' for column '{name}' at row 1"
        ) from None
