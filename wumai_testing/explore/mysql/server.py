"""The emulated server: tables, locks, and what each open transaction has changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from wumai_testing.explore.mysql.errors import NO_TABLE, mysql_error
from wumai_testing.explore.mysql.locks import Locks, Owner
from wumai_testing.explore.mysql.tables import Image, Key, TableRows, open_sqlite

LOCK_WAIT = 50.0
"""innodb_lock_wait_timeout."""
PACKET = 16 * 1024 * 1024
"""max_allowed_packet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit made of one row; None is no row."""

    table: str
    key: Key
    before: Image | None
    after: Image | None


@dataclass(eq=False, slots=True)
class Transaction(Owner):
    """One transaction: its locks, and how to undo what it did."""

    undo: list[tuple[TableRows, Key, Image | None]] = field(default_factory=list)
    first: dict[tuple[str, Key], tuple[TableRows, Key, Image | None]] = field(default_factory=dict)
    """By lock: the committed image of each row that it changed."""
    savepoints: list[tuple[str, int]] = field(default_factory=list)


class Server:
    """What all connections share. `now` is the server's UTC time."""

    def __init__(
        self,
        tables: Iterable[Table],
        now: Callable[[], datetime],
        *,
        narrow: bool = False,
        lock_wait: float = LOCK_WAIT,
        packet: int = PACKET,
        skips_locked: bool = True,
    ) -> None:
        self.now = now
        self.lock_wait = lock_wait
        self.packet = packet
        self.skips_locked = skips_locked
        self.sqlite = open_sqlite()
        self.tables = {t.name: TableRows(self.sqlite, t, narrow=narrow) for t in tables}
        self.locks = Locks()
        self.connections = 0
        self.connections_closed = 0
        self.on_commit: Callable[[list[Change], Any], None] = lambda _changes, _who: None
        """Called with what each commit has changed, in order, and whose connection it was."""
        self._dirty: dict[tuple[str, Key], Transaction] = {}

    def table(self, name: str) -> TableRows:
        try:
            return self.tables[name]
        except KeyError:
            raise mysql_error(NO_TABLE, f"Table '{name}' doesn't exist") from None

    # Images

    def write(self, who: Transaction, table: TableRows, key: Key, after: Image | None) -> None:
        """Change a row whose lock `who` holds."""
        before = table.image(key)
        lock = table.lock_key(key)
        table.change(key, before, after)
        who.undo.append((table, key, before))
        if lock not in who.first:
            who.first[lock] = (table, key, before)
            who.weight += 1
            self._dirty[lock] = who

    def undo_to(self, who: Transaction, mark: int) -> None:
        """Take back what `who` did since it had done `mark` changes."""
        while len(who.undo) > mark:
            table, key, before = who.undo.pop()
            table.put(key, before)

    def commit(self, who: Transaction, connection: Any) -> None:
        changes = [
            Change(table.name, key, before, after)
            for table, key, before in who.first.values()
            if (after := table.image(key)) != before
        ]
        self._end(who)
        if changes:
            self.on_commit(changes, connection)

    def rollback(self, who: Transaction) -> None:
        self.undo_to(who, 0)
        self._end(who)

    def _end(self, who: Transaction) -> None:
        for lock in who.first:
            del self._dirty[lock]
        who.undo.clear()
        who.first.clear()
        who.savepoints.clear()
        who.weight = 0
        self.locks.release_all(who)

    # Views

    def read(
        self, who: Transaction | None, names: Iterable[str], query: str, params: Any
    ) -> tuple[Any, list[Any]]:
        """Columns and rows as `who` sees them: what is committed, and its own changes."""
        hidden = self.hidden(who, names)
        if not hidden:
            return self._fetch(query, params)
        self.sqlite.execute('SAVEPOINT view')
        try:
            for table, key, committed in hidden:
                table.put(key, committed)
            return self._fetch(query, params)
        finally:
            self.sqlite.execute('ROLLBACK TO view')
            self.sqlite.execute('RELEASE view')

    def hidden(
        self, who: Transaction | None, names: Iterable[str]
    ) -> list[tuple[TableRows, Key, Image | None]]:
        """The committed images of rows that others have changed and not committed."""
        if not self._dirty:
            return []
        wanted = set(names)
        return [
            other.first[lock]
            for lock, other in self._dirty.items()
            if other is not who and lock[0] in wanted
        ]

    def _fetch(self, query: str, params: Any) -> tuple[Any, list[Any]]:
        cursor = self.sqlite.execute(query, params)
        return cursor.description, cursor.fetchall()

    def rows(self, name: str) -> dict[Key, Image]:
        """The committed rows of a table."""
        table = self.table(name)
        keys = self.read(None, [name], f'SELECT {table.key_columns} FROM "{name}"', ())[1]
        images = {key: table.image(key) for key in keys}
        images |= {key: committed for _, key, committed in self.hidden(None, [name])}
        return {key: image for key, image in sorted(images.items()) if image is not None}

    def is_quiet(self) -> bool:
        """Whether no transaction holds anything."""
        return not self._dirty and not len(self.locks)

    def close(self) -> None:
        self.sqlite.close()
