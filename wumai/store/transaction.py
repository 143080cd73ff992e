"""The transactions of a store: on a connection for statements of SQLAlchemy, and for prepared ones
(see prepared.py) on what costs least.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from wumai.store import sqlite
from wumai.store.db_errors import TRANSLATED, translate
from wumai.store.prepared import Prepared, Values, execute


class Transaction(Protocol):
    """One that is open."""

    def rows(self, statement: Prepared, values: Values) -> list[Any]:
        """The rows of a query, as the driver makes them."""

    def count(self, statement: Prepared, values: Values) -> int:
        """Execute it; how many rows it has changed."""

    def insert(self, statement: Prepared, names: Sequence[str], rows: list[Any]) -> None:
        """Execute it for each of `rows`, which hold their values in the order of `names`."""

    def rollback(self) -> None:
        """Undo what was done, and go on in a new one."""


class Pooled:
    """On a connection of SQLAlchemy's pool, with its events, log and errors."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._dialect: Any = type(connection.dialect)

    def rows(self, statement: Prepared, values: Values) -> list[Any]:
        cursor = self._executed(statement, values)
        try:
            return list(cursor.fetchall())
        except self.connection.dialect.loaded_dbapi.Error as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def count(self, statement: Prepared, values: Values) -> int:
        cursor = self._executed(statement, values)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def insert(self, statement: Prepared, names: Sequence[str], rows: list[Any]) -> None:
        self.connection.exec_driver_sql(statement.of(self._dialect, names), rows)

    def rollback(self) -> None:
        self.connection.rollback()

    def _executed(self, statement: Prepared, values: Values) -> Any:
        if not self.connection.in_transaction():
            self.connection.begin()
        return execute(self.connection, *statement.bound(self._dialect, values))


class Transactions:
    """Opens them, each on a connection of `engine`, and ends them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._kept = sqlite.kept_of(engine)

    def _prepared(self, *, reads: bool = False) -> AbstractContextManager[Transaction]:
        """For prepared statements."""
        if sqlite.unobserved(self.engine):
            return sqlite.Direct(self.engine, self._kept, reads=reads)
        return self._pooled(reads)

    @contextmanager
    def _pooled(self, reads: bool) -> Iterator[Pooled]:
        with self._reading() if reads else self._writing() as connection:
            yield Pooled(connection)

    # With `joined`, in the transaction that the app has open, which is its own to commit.

    @contextmanager
    def _reading(self, joined: Connection | Session | None = None) -> Iterator[Any]:
        if joined is not None:
            yield joined
            return
        with self._connection(reads=True) as connection:
            yield connection

    @contextmanager
    def _writing(self, joined: Connection | Session | None = None) -> Iterator[Any]:
        if joined is not None:
            yield joined
            return
        with self._connection() as connection:
            yield connection
            try:
                connection.commit()
            except TRANSLATED as error:
                if self.engine.dialect.name == 'sqlite':
                    sqlite.undo(connection)
                raise translate(error, committing=True) from error

    @contextmanager
    def _connection(self, *, reads: bool = False) -> Iterator[Connection]:
        try:
            generation = self._kept.generation
            connection = self._kept.take() or self.engine.connect()
            try:
                if connection.get_execution_options().get('wumai_reads', False) is not reads:
                    connection.execution_options(wumai_reads=reads)
                yield connection
                self._kept.put(connection, generation)
            except BaseException:
                connection.close()
                self._kept.close()  # what has befallen this one may befall them
                raise
        except TRANSLATED as error:
            raise translate(error) from error
