"""Rows of the emulated tables: their latest images in SQLite, whoever wrote them."""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, UniqueConstraint

from wumai_testing.explore.mysql.columns import column_spec, read_datetime
from wumai_testing.explore.mysql.errors import unknown

Image = tuple[Any, ...]
Key = tuple[Any, ...]

sqlite3.register_converter('wumai_datetime', read_datetime)


def open_sqlite() -> sqlite3.Connection:
    """The engine that evaluates expressions."""
    connection = sqlite3.connect(
        ':memory:',
        isolation_level=None,
        check_same_thread=False,
        detect_types=sqlite3.PARSE_DECLTYPES,
        cached_statements=500,
    )
    connection.create_function('concat', -1, _concat, deterministic=True)
    connection.create_function('if', 3, lambda test, yes, no: yes if test else no)
    return connection


def _concat(*parts: Any) -> str | None:
    return None if None in parts else ''.join(map(str, parts))


class TableRows:
    """One table."""

    def __init__(self, engine: sqlite3.Connection, table: Table, *, narrow: bool = False) -> None:
        self.name = table.name
        self.columns = [column_spec(column, narrow=narrow) for column in table.columns]
        self.names = [column.name for column in self.columns]
        self.key = [column.name for column in table.primary_key.columns]
        if not self.key:
            raise unknown(f'a table without a primary key, {table.name}')
        self.indexes = [[c.name for c in index.columns] for index in _ordered(table.indexes)]
        self.defaults = _defaults(table)
        self._engine = engine
        self._narrow = narrow
        self.charset = 'utf8mb3' if narrow else 'utf8mb4'
        self._last_id = 0
        self._places = [self.names.index(name) for name in self.key]
        self.counted = len(self.key) == 1 and self.columns[self._places[0]].sqlite == 'INTEGER'
        """Whether the key is drawn by the server where an INSERT gives none."""
        self._make(table)

    def _make(self, table: Table) -> None:
        lines = [f'"{c.name}" {c.sqlite}' for c in self.columns]
        kind = ''
        if self.counted:
            lines[self._places[0]] += ' PRIMARY KEY'
        else:
            lines.append(f'PRIMARY KEY ({", ".join(self.key)})')
            kind = ' WITHOUT ROWID'
        lines += [f'UNIQUE ({", ".join(columns)})' for columns in _uniques(table)]
        self._engine.execute(f'CREATE TABLE "{self.name}" ({", ".join(lines)}){kind}')
        for number, columns in enumerate(self.indexes):
            self._engine.execute(
                f'CREATE INDEX "{self.name}_{number}" ON "{self.name}" ({", ".join(columns)})'
            )
        quoted = ', '.join(f'"{name}"' for name in self.names)
        marks = ', '.join('?' * len(self.names))
        keyed = ' AND '.join(f'{name} = ?' for name in self.key)
        # Times as text, as they are stored: so images compare and are put back unchanged.
        raw = ', '.join(
            f'"{c.name}" || \'\'' if c.sqlite == 'wumai_datetime' else f'"{c.name}"'
            for c in self.columns
        )
        self._select = f'SELECT {raw} FROM "{self.name}" WHERE {keyed}'
        self._replace = f'INSERT OR REPLACE INTO "{self.name}" ({quoted}) VALUES ({marks})'
        self._insert = f'INSERT INTO "{self.name}" ({quoted}) VALUES ({marks})'
        sets = ', '.join(f'"{name}" = ?' for name in self.names)
        self._update = f'UPDATE "{self.name}" SET {sets} WHERE {keyed}'
        self._delete = f'DELETE FROM "{self.name}" WHERE {keyed}'
        self.keyed = keyed
        self.key_columns = ', '.join(self.key)

    def image(self, key: Key) -> Image | None:
        """The latest image of a row; None where there is none."""
        found: Image | None = self._engine.execute(self._select, key).fetchone()
        return found

    def put(self, key: Key, image: Image | None) -> None:
        """Make `image` the latest one."""
        if image is None:
            self._engine.execute(self._delete, key)
        else:
            self._engine.execute(self._replace, image)

    def change(self, key: Key, before: Image | None, after: Image | None) -> None:
        """As `put`, but two rows never share a unique value: raises sqlite3.IntegrityError."""
        if after is None:
            self._engine.execute(self._delete, key)
        elif before is None:
            self._engine.execute(self._insert, after)
        else:
            self._engine.execute(self._update, (*after, *key))

    def next_id(self) -> int:
        """AUTO_INCREMENT: never the same number twice, rolled back or not."""
        query = f'SELECT COALESCE(MAX({self.key[0]}), 0) FROM "{self.name}"'
        self._last_id = max(self._last_id, *self._engine.execute(query).fetchone()) + 1
        return self._last_id

    def key_of(self, values: Sequence[Any]) -> Key:
        """The key in an image."""
        return tuple(values[place] for place in self._places)

    def lock_key(self, key: Key) -> tuple[str, Key]:
        """What names the row among locks: keys ignore case as their columns do."""
        folded = tuple(part.lower() if isinstance(part, str) else part for part in key)
        return self.name, folded

    def checked(self, image: Image) -> Image:
        """`image` as the columns hold it. Raises what the server would."""
        return tuple(c.checked(v) for c, v in zip(self.columns, image, strict=True))

    def ddl(self) -> str:
        """The answer to SHOW CREATE TABLE."""
        charset = self.charset
        lines = []
        for column in self.columns:
            null = 'DEFAULT NULL' if column.nullable else 'NOT NULL'
            text = column.mysql.startswith(('text', 'varchar')) and self._narrow
            narrow = ' CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci' if text else ''
            lines.append(f'  `{column.name}` {column.mysql}{narrow} {null}')
        lines.append(f'  PRIMARY KEY ({_quoted(self.key)})')
        lines += [
            f'  KEY `{self.name}_{"_".join(columns)}` ({_quoted(columns)})'
            for columns in self.indexes
        ]
        body = ',\n'.join(lines)
        return (
            f'CREATE TABLE `{self.name}` (\n{body}\n) '
            f'ENGINE=InnoDB DEFAULT CHARSET={charset} COLLATE={charset}_general_ci'
        )


def _ordered(indexes: Iterable[Any]) -> list[Any]:
    return sorted(indexes, key=lambda index: str(index.name))


def _quoted(names: Sequence[str]) -> str:
    return ','.join(f'`{name}`' for name in names)


def _uniques(table: Table) -> list[list[str]]:
    named = [
        [column.name for column in one.columns]
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    ]
    alone = [[column.name] for column in table.columns if column.unique]
    return sorted(columns for columns in [*named, *alone] if columns)


_SERVER_DEFAULT = re.compile(r"^'(.*)'$", re.DOTALL)


def _defaults(table: Table) -> dict[str, Any]:
    found = {}
    for column in table.columns:
        default = getattr(column.server_default, 'arg', None)
        if default is not None:
            text = str(default)
            quoted = _SERVER_DEFAULT.match(text)
            found[column.name] = quoted[1] if quoted else text
    return found
