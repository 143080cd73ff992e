"""What the columns and the server can take, asked when first needed."""

import re
from functools import cached_property

from sqlalchemy import Engine, inspect, text
from sqlalchemy.dialects.mysql import LONGTEXT, MEDIUMTEXT, TINYTEXT
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.types import Text

TEXT_BYTES = 65_535
"""A TEXT column of MySQL. It holds for every database, so that a test on SQLite tells the truth."""

_SYNTAX_ERROR = 1064
_WIDE = re.compile('[\U00010000-\U0010ffff]')
_BYTES: dict[type, int] = {TINYTEXT: 255, MEDIUMTEXT: 16_777_215, LONGTEXT: 4_294_967_295}


class ColumnLimits:
    """Sizes of the text columns of `job`, and whether the server knows SKIP LOCKED."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._skips_locked: bool | None = None

    def bytes_of(self, column: str) -> int:
        """The bytes that `column` of `job` holds and a packet to the server can carry."""
        return min(self._columns[column][0], self._packet_bytes)

    def is_narrow(self, column: str) -> bool:
        """Whether `column` holds no character beyond U+FFFF: MySQL's utf8mb3 and older."""
        return self._columns[column][1]

    def fitting(self, column: str, message: str) -> str:
        """`message`, cleaned and cut to what `column` can store, so that saving cannot fail."""
        message = message.replace('\0', '').encode('utf-8', 'backslashreplace').decode()
        if _WIDE.search(message) and self.is_narrow(column):
            message = _WIDE.sub('�', message)
        if len(message) * 4 <= TEXT_BYTES:
            return message
        return message.encode()[: self.bytes_of(column)].decode('utf-8', 'ignore')

    def holds(self, column: str, value: str) -> bool:
        """Whether `value`, which is ASCII, fits `column`."""
        return len(value) <= TEXT_BYTES // 4 or len(value) <= self.bytes_of(column)

    def skips_locked(self, connection: Connection) -> bool:
        """Whether the server knows SKIP LOCKED; asked of the server, not told by its name."""
        if self._skips_locked is None:
            self._skips_locked = _knows_skip_locked(connection)
        return self._skips_locked

    @cached_property
    def _columns(self) -> dict[str, tuple[int, bool]]:
        limits = {}
        for column in inspect(self._engine).get_columns('job'):
            kind = column['type']
            size = _BYTES.get(type(kind), TEXT_BYTES) if isinstance(kind, Text) else TEXT_BYTES
            if not isinstance(kind, Text) and (length := getattr(kind, 'length', None)):
                size = length
            limits[column['name']] = (size, _is_narrow(getattr(kind, 'collation', None)))
        return limits

    @cached_property
    def _packet_bytes(self) -> int:
        if self._engine.dialect.name not in ('mysql', 'mariadb'):
            return TEXT_BYTES
        with self._engine.connect() as connection:
            packet = connection.execute(text('SELECT @@max_allowed_packet')).scalar_one()
        # The statement around the value, and what escaping adds to it, need room as well.
        return int(packet) // 2 - 4096


def _is_narrow(collation: str | None) -> bool:
    return collation is not None and not collation.startswith(('utf8mb4', 'uca1400'))


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
