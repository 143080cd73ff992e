"""What each kind of statement does to the rows, under READ COMMITTED."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from wumai_testing.explore.mysql.errors import (
    DEADLOCK,
    DUPLICATE,
    NO_DEFAULT,
    NOT_WAITED,
    mysql_error,
    unknown,
)
from wumai_testing.explore.mysql.server import Server, Transaction
from wumai_testing.explore.mysql.statements import (
    Delete,
    Insert,
    LockingSelect,
    Rows,
    Select,
    Statement,
    Update,
)
from wumai_testing.explore.mysql.tables import Image, Key, TableRows


class Result:
    """What a statement answers."""

    __slots__ = ('count', 'description', 'last_id', 'rows')

    def __init__(
        self, count: int, rows: list[Any] | None = None, description: Any = None, last_id: int = 0
    ) -> None:
        self.count = count
        self.rows = rows or []
        self.description = description
        self.last_id = last_id


class Runner:
    """Runs the statements of one transaction after another on one connection."""

    def __init__(self, server: Server, lock_wait: float | None = None) -> None:
        self.server = server
        self._wait = min(server.lock_wait, server.lock_wait if lock_wait is None else lock_wait)
        self.transaction = Transaction()

    def run(self, statement: Statement, params: Sequence[Any]) -> Result:
        """Do it, or raise and leave what was before the statement."""
        mark = len(self.transaction.undo)
        try:
            return self._run(statement, params)
        except sqlite3.Error as error:
            self.server.undo_to(self.transaction, mark)
            raise unknown(f'{error}: {statement}') from error
        except Exception as error:
            self.server.undo_to(self.transaction, mark)
            code = error.args[0] if error.args else None
            if code == DEADLOCK:
                self.server.rollback(self.transaction)
            raise

    def _run(self, statement: Statement, params: Sequence[Any]) -> Result:
        match statement:
            case Select():
                description, rows = self.server.read(
                    self.transaction, statement.tables, statement.text, params
                )
                return Result(len(rows), rows, description)
            case LockingSelect():
                return self._locking_select(statement, params)
            case Update():
                return self._update(statement, params)
            case Delete():
                table = self.server.table(statement.table)
                keys = list(self._locked(table, statement.rows, params, semi=True))
                for key in keys:
                    self.server.write(self.transaction, table, key, None)
                return Result(len(keys))
            case Insert():
                return self._insert(statement, params)

    # Locks

    def _locked(
        self,
        table: TableRows,
        rows: Rows,
        params: Sequence[Any],
        *,
        semi: bool = False,
        waits: str = '',
    ) -> Iterator[Key]:
        """The keys of the rows that match, each locked, as far as LIMIT asks for."""
        limit = _limit(rows, params)
        found: list[Key] = []
        examined = self._examined(table, rows, params, semi)
        # A SELECT by one primary key reads its row before anything else, and keeps the lock.
        keep = not semi and len(examined) == 1 and self._is_by_key(table, rows)
        for key in examined:
            if len(found) == limit and self._is_in_order(table, rows):
                break
            if self._matches_locked(table, key, rows, params, waits, keep):
                found.append(key)
        if rows.order and not self._is_in_order(table, rows):
            found = self._sorted(table, found, rows, params)
        yield from found[:limit]

    def _matches_locked(
        self,
        table: TableRows,
        key: Key,
        rows: Rows,
        params: Sequence[Any],
        waits: str,
        keep: bool,
    ) -> bool:
        """Lock a row; one that does not match then is let go, as READ COMMITTED does."""
        lock, locks, who = table.lock_key(key), self.server.locks, self.transaction
        if waits and not locks.is_free(lock, who):
            if waits == 'SKIP':
                return False
            raise mysql_error(NOT_WAITED)
        new = locks.acquire(lock, who, self._wait)
        query = f'SELECT 1 FROM "{table.name}" WHERE ({rows.where}) AND {table.keyed}'
        where = (*params[rows.params], *key)
        if self.server.sqlite.execute(query, where).fetchone():
            return True
        if new and not (keep and table.image(key)):
            locks.release(lock, who)
        return False

    @staticmethod
    def _is_by_key(table: TableRows, rows: Rows) -> bool:
        return any([condition.column] == table.key for condition in rows.conditions)

    def _examined(
        self, table: TableRows, rows: Rows, params: Sequence[Any], semi: bool
    ) -> list[Key]:
        """The rows that InnoDB would come across: by the key, by an index, or all."""
        for condition in rows.conditions:
            if [condition.column] == table.key:
                wanted = params[condition.first : condition.first + condition.count]
                return sorted({(value,) for value in wanted})
        index = self._index(table, rows)
        if semi or index:
            where, values = f'({rows.where})', params[rows.params]
        else:
            where, values = '1', ()
        order = rows.order if self._is_in_order(table, rows) and rows.order else table.key_columns
        query = f'SELECT {table.key_columns} FROM "{table.name}" WHERE {where} ORDER BY {order}'
        seen = dict.fromkeys(self.server.read(self.transaction, [table.name], query, values)[1])
        if not semi:  # an index has an entry for the new image of a row, too
            seen |= dict.fromkeys(self.server.sqlite.execute(query, values).fetchall())
        return [key for key in seen if table.image(key) is not None or not semi]

    @staticmethod
    def _index(table: TableRows, rows: Rows) -> list[str] | None:
        columns = {condition.column for condition in rows.conditions}
        return next((index for index in table.indexes if index[0] in columns), None)

    def _is_in_order(self, table: TableRows, rows: Rows) -> bool:
        """Whether rows come in the order that is asked for, so that LIMIT ends the search."""
        names = [part.strip().split('.')[-1].strip('`') for part in rows.order.split(',')]
        index = self._index(table, rows)
        by_index = index is not None and names == index[1 : 1 + len(names)]
        return not rows.order or names == table.key or by_index

    def _sorted(
        self, table: TableRows, keys: list[Key], rows: Rows, params: Sequence[Any]
    ) -> list[Key]:
        tail = () if rows.limit else params[rows.tail]
        query = f'SELECT {table.key_columns} FROM "{table.name}" ORDER BY {rows.order}'
        wanted = set(keys)
        return [key for key in self.server.sqlite.execute(query, tail) if key in wanted]

    # Statements

    def _locking_select(self, statement: LockingSelect, params: Sequence[Any]) -> Result:
        if statement.waits == 'SKIP' and not self.server.skips_locked:
            raise mysql_error(1064, 'You have an error in your SQL syntax near SKIP LOCKED')
        table = self.server.table(statement.table)
        rows = []
        description: Any = None
        for key in self._locked(table, statement.rows, params, waits=statement.waits):
            query = f'SELECT {statement.columns} FROM "{table.name}" WHERE {table.keyed}'
            cursor = self.server.sqlite.execute(query, key)
            description = cursor.description
            rows += cursor.fetchall()
        if description is None:
            query = f'SELECT {statement.columns} FROM "{table.name}" WHERE 0'
            description = self.server.sqlite.execute(query).description
        return Result(len(rows), rows, description)

    def _update(self, statement: Update, params: Sequence[Any]) -> Result:
        table = self.server.table(statement.table)
        keys = list(self._locked(table, statement.rows, params, semi=True))
        for key in keys:
            image = table.image(key)
            assert image is not None
            self._write(table, key, self._assigned(table, key, image, statement, params))
        return Result(len(keys))

    def _assigned(
        self,
        table: TableRows,
        key: Key,
        image: Image,
        statement: Update,
        params: Sequence[Any],
    ) -> Image:
        """From the left to the right: a later expression sees what an earlier one assigned."""
        values = list(image)
        written = False
        for column, expression, used in statement.sets:
            if expression == '?':
                value = params[used][0]
            else:
                if written and _mentions(expression, column, statement):
                    table.put(key, tuple(values))
                query = f'SELECT {expression} FROM "{table.name}" WHERE {table.keyed}'
                value = self.server.sqlite.execute(query, (*params[used], *key)).fetchone()[0]
            values[table.names.index(column)] = value
            written = True
        table.put(key, image)
        return tuple(values)

    def _write(self, table: TableRows, key: Key, image: Image) -> None:
        checked = table.checked(image)
        new_key = table.key_of(checked)
        if new_key != key:
            raise unknown(f'an UPDATE of the primary key of {table.name}')
        self._change(table, key, checked)

    def _change(self, table: TableRows, key: Key, image: Image) -> None:
        try:
            self.server.write(self.transaction, table, key, image)
        except sqlite3.IntegrityError as error:
            raise mysql_error(DUPLICATE, f'Duplicate entry: {error}') from None

    def _insert(self, statement: Insert, params: Sequence[Any]) -> Result:
        table = self.server.table(statement.table)
        if not statement.plain:
            raise unknown(statement.text)
        given = dict(zip(statement.columns, params, strict=True))
        image = [given.get(name, table.defaults.get(name)) for name in table.names]
        last = self._draw_key(table, image) if table.counted else 0
        for column, value in zip(table.columns, image, strict=True):
            if value is None and not column.nullable and column.name not in given:
                raise mysql_error(NO_DEFAULT, f"Field '{column.name}' doesn't have a default value")
        checked = table.checked(tuple(image))
        key = table.key_of(checked)
        self.server.locks.acquire(table.lock_key(key), self.transaction, self._wait)
        if table.image(key) is not None:
            # The lock stays, as InnoDB's shared lock on the duplicate does.
            raise mysql_error(DUPLICATE, f"Duplicate entry '{key[0]}' for key 'PRIMARY'")
        self._change(table, key, checked)
        return Result(1, last_id=last)

    def _draw_key(self, table: TableRows, image: list[Any]) -> int:
        place = table.names.index(table.key[0])
        if image[place] is None:
            image[place] = table.next_id()
        return int(image[place])


def _mentions(expression: str, column: str, statement: Update) -> bool:
    earlier = []
    for name, *_ in statement.sets:
        if name == column:
            break
        earlier.append(name)
    return any(re.search(rf'\b{name}\b', expression) for name in earlier)


def _limit(rows: Rows, params: Sequence[Any]) -> int | None:
    if not rows.limit:
        return None
    if ',' in rows.limit_text:
        raise unknown(f'LIMIT {rows.limit_text} in a locking statement')
    return int(params[rows.tail][-1] if '?' in rows.limit_text else rows.limit_text)
