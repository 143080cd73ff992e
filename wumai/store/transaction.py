"""Transactions of the statements that a worker runs all day (see prepared.py)."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from wumai.store.db_errors import translate
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
        """Undo what was done; the next statement begins anew."""


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
