"""What the columns and the server can take, asked when first needed."""

import re
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from wumai.store.db_errors import TRANSLATED, translate

TEXT_BYTES = 65_535
"""A TEXT column of MySQL. It holds for every database, so that a test on SQLite tells the truth."""

_SYNTAX_ERROR = 1064
# Asked of the information schema, since a column's own definition leaves out what it has from
# its table. The length is in bytes for TEXT and its kin, in characters for VARCHAR.
_MYSQL_COLUMNS = text(
    'SELECT column_name, character_maximum_length, character_set_name'
    " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'job'"
)
_EVERYTHING, _BMP, _ASCII = 0x10FFFF, 0xFFFF, 0x7F
_WIDEST = {
    'utf8mb4': _EVERYTHING,
    'utf16': _EVERYTHING,
    'utf32': _EVERYTHING,
    'utf8': _BMP,
    'utf8mb3': _BMP,
    'ucs2': _BMP,
}
_BEYOND = {_BMP: re.compile('[\U00010000-\U0010ffff]'), _ASCII: re.compile('[^\x00-\x7f]')}


@dataclass(frozen=True, slots=True)
class _Column:
    bytes: int = TEXT_BYTES
    widest: int = _EVERYTHING
    """The last code point that it can hold."""


class ColumnLimits:
    """Sizes of the text columns of `job`, and whether the server knows SKIP LOCKED."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bytes: dict[str, int] = {}
        self._skips_locked: bool | None = None

    def load(self) -> None:
        """Ask the database now, so that nothing has to be asked later. Raises StoreError."""
        self.bytes_of('error')

    def bytes_of(self, column: str) -> int:
        """The bytes that `column` of `job` holds and a packet to the server can carry.

        Raises StoreError where the database is to be asked first and does not answer.
        """
        if (known := self._bytes.get(column)) is not None:
            return known
        try:
            known = self._bytes[column] = min(self._column(column).bytes, self._packet_bytes)
        except TRANSLATED as error:
            raise translate(error) from error
        return known

    def fitting(self, column: str, message: str) -> str:
        """`message`, cleaned and cut to what `column` can store, so that saving cannot fail."""
        message = message.replace('\0', '').encode('utf-8', 'backslashreplace').decode()
        if beyond := _BEYOND.get(self._column(column).widest):
            message = beyond.sub('?', message)
        return message.encode()[: self.bytes_of(column)].decode('utf-8', 'ignore')

    def holds(self, column: str, value: str) -> bool:
        """Whether `value`, which is ASCII, fits `column`."""
        return len(value) <= self.bytes_of(column)

    def skips_locked(self, connection: Connection) -> bool:
        """Whether the server knows SKIP LOCKED; asked of the server, not told by its name."""
        if self._skips_locked is None:
            self._skips_locked = _knows_skip_locked(connection)
        return self._skips_locked

    def _column(self, name: str) -> _Column:
        return self._columns.get(name, _Column())

    @cached_property
    def _columns(self) -> dict[str, _Column]:
        match self._engine.dialect.name:
            case 'sqlite':  # which enforces no length
                return {}
            case 'mysql' | 'mariadb':
                return self._mysql_columns()
        found = inspect(self._engine).get_columns('job')
        lengths = {column['name']: getattr(column['type'], 'length', None) for column in found}
        return {name: _Column(length or TEXT_BYTES) for name, length in lengths.items()}

    def _mysql_columns(self) -> dict[str, _Column]:
        with self._engine.connect() as connection:
            rows = connection.execute(_MYSQL_COLUMNS).all()
        return {
            name.lower(): _Column(int(length), _WIDEST.get(charset, _ASCII))
            for name, length, charset in rows
            if length and charset
        }

    @cached_property
    def _packet_bytes(self) -> int:
        if self._engine.dialect.name not in ('mysql', 'mariadb'):
            return TEXT_BYTES
        with self._engine.connect() as connection:
            packet = connection.execute(text('SELECT @@max_allowed_packet')).scalar_one()
        # The statement around the value, and what escaping adds to it, need room as well.
        return int(packet) // 2 - 4096


def _knows_skip_locked(connection: Connection) -> bool:
    if connection.dialect.name == 'postgresql':
        return True
    try:
        with connection.begin_nested():
            connection.execute(text("SELECT id FROM job WHERE id = '' FOR UPDATE SKIP LOCKED"))
    except ProgrammingError as error:
        if error.orig is not None and error.orig.args[0] == _SYNTAX_ERROR:
            return False
        raise
    return True
