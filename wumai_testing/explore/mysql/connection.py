"""A DB-API connection to the emulated server, as PyMySQL's looks to SQLAlchemy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wumai_testing.explore.mysql.answers import answer
from wumai_testing.explore.mysql.columns import literal
from wumai_testing.explore.mysql.engine import Result, Runner
from wumai_testing.explore.mysql.errors import GONE, mysql_error
from wumai_testing.explore.mysql.server import Server
from wumai_testing.explore.mysql.statements import parse, positional

_CONTROL = re.compile(
    r'(BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK\s+TO|ROLLBACK|SAVEPOINT|RELEASE)\b'
    r'(?:\s+SAVEPOINT)?\s*`?(\w*)`?',
    re.IGNORECASE,
)
_ROWS = ('SELECT', 'UPDATE', 'INSERT', 'DELETE')


class EmulatedConnection:
    """One session of the server."""

    def __init__(self, server: Server, node: str = 'app', lock_wait: float | None = None) -> None:
        server.connections += 1
        self.id = server.connections
        self.node = node
        """The process that it belongs to."""
        self._server = server
        self._runner = Runner(server, lock_wait)
        self._autocommit = False
        self.open = True

    # What SQLAlchemy asks of PyMySQL

    def cursor(self, *_: Any) -> 'EmulatedCursor':
        return EmulatedCursor(self)

    def ping(self, reconnect: bool = True) -> None:  # noqa: ARG002
        self._check()

    def character_set_name(self) -> str:
        return 'utf8mb4'

    def get_server_info(self) -> str:
        return '10.11.14-MariaDB'

    def autocommit(self, value: bool) -> None:
        self._autocommit = value

    def get_autocommit(self) -> bool:
        return self._autocommit

    def commit(self) -> None:
        self._check()
        self._server.commit(self._runner.transaction, self)

    def rollback(self) -> None:
        self._check()
        self._server.rollback(self._runner.transaction)

    def close(self) -> None:
        """Also what the server does when it finds the client gone."""
        if self.open:
            self.open = False
            self._server.connections_closed += 1
            self._server.locks.interrupt(self._runner.transaction)
            self._server.rollback(self._runner.transaction)

    _force_close = close

    @property
    def locked(self) -> list[Any]:
        """The rows that it has locked, or waits for."""
        who = self._runner.transaction
        return [*who.held, *([who.wait.key] if who.wait else [])]

    def _check(self) -> None:
        if not self.open:
            raise mysql_error(GONE)

    # Statements

    def run(self, text: str, params: Any) -> Result:
        self._check()
        if isinstance(params, Mapping):
            text, names = positional(text)
            params = [params[name] for name in names]
        values = [literal(value) for value in params]
        self._check_size(text, values)
        result = self._run(text.strip(), values)
        self._check()
        if self._autocommit:
            self._server.commit(self._runner.transaction, self)
        return result

    def run_many(self, text: str, rows: Sequence[Any]) -> Result:
        """As PyMySQL does it: INSERTs as one statement, all else one by one."""
        count = 0
        mark = len(self._runner.transaction.undo)
        insert = text.lstrip()[:6].upper() == 'INSERT'
        for row in rows:
            try:
                count += self.run(text, row).count
            except Exception:
                if insert and self.open:
                    self._server.undo_to(self._runner.transaction, mark)
                raise
        return Result(count)

    def _run(self, text: str, values: list[Any]) -> Result:
        if (control := _CONTROL.match(text)) is not None:
            self._control(' '.join(control[1].upper().split()), control[2])
            return Result(0)
        if (reply := answer(self._server, text)) is not None:
            return reply
        return self._runner.run(parse(text), values)

    def _control(self, verb: str, name: str) -> None:
        transaction = self._runner.transaction
        points = transaction.savepoints
        if verb == 'SAVEPOINT':
            points.append((name, len(transaction.undo)))
        elif verb in ('ROLLBACK TO', 'RELEASE'):
            while points and points[-1][0] != name:
                points.pop()
            if verb == 'RELEASE' and points:
                points.pop()
            elif points:
                self._server.undo_to(transaction, points[-1][1])
        elif verb == 'ROLLBACK':
            self._server.rollback(transaction)
        else:
            self._server.commit(transaction, self)

    def _check_size(self, text: str, values: Sequence[Any]) -> None:
        size = len(text)
        for value in values:
            if isinstance(value, str):
                # What cannot be sent is PyMySQL's own error.
                size += len(value) if value.isascii() else len(_sent(value))
        if size > self._server.packet:
            self.close()
            raise mysql_error(GONE, 'MySQL server has gone away (a packet too large)')


def _sent(value: str) -> bytes:
    return value.encode('utf-8', 'surrogateescape')


class EmulatedCursor:
    """A cursor that has fetched all its rows."""

    arraysize = 1

    def __init__(self, connection: EmulatedConnection) -> None:
        self._connection = connection
        self._result = Result(-1)
        self._rows: Iterator[Any] = iter(())

    @property
    def description(self) -> Any:
        return self._result.description

    @property
    def rowcount(self) -> int:
        return self._result.count

    @property
    def lastrowid(self) -> int:
        return self._result.last_id

    def execute(self, text: str, params: Any = None) -> int:
        self._take(self._connection.run(text, params or ()))
        return self._result.count

    def executemany(self, text: str, rows: Any) -> int:
        self._take(self._connection.run_many(text, list(rows)))
        return self._result.count

    def _take(self, result: Result) -> None:
        self._result = result
        self._rows = iter(result.rows)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [row for _, row in zip(range(size or self.arraysize), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def __enter__(self) -> 'EmulatedCursor':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._rows = iter(())
