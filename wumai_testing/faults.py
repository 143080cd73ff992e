"""A database that fails on command: connections of the real driver, with faults in between.

The faults come where a network and a server would put them, below SQLAlchemy, so that all of
wumai's code and the app's meets them. Codes are MySQL's on every database.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent

DEADLOCK = (1213, 'Deadlock found when trying to get lock; try restarting transaction')
LOCK_TIMEOUT = (1205, 'Lock wait timeout exceeded; try restarting transaction')
REFUSED = (2003, "Can't connect to MySQL server (simulated)")
GONE = (2006, 'MySQL server has gone away (simulated)')
READ_ONLY = (1290, 'The server is running with the --read-only option (simulated)')
LOST = (2013, 'Lost connection to MySQL server during query (simulated)')

STATEMENT_FAULTS = ('deadlock', 'lock_timeout')
COMMIT_FAULTS = ('lost_before_commit', 'lost_after_commit')
FAULTS = STATEMENT_FAULTS + COMMIT_FAULTS
MUTED = 'a connection gets no answer'

_WRITES = ('INSERT', 'UPDATE', 'DELETE', 'REPLACE')


@dataclass
class FaultPlan:
    """What is wrong with the database now. Times are virtual monotonic seconds."""

    monotonic: Callable[[], float]
    report: Callable[[str, str | None], None] = lambda _fault, _node: None
    """Called with each fault that strikes, and the node it strikes."""
    latency: Callable[[str], float] | None = None
    """Seconds that a node's next statement, commit or answer is on its way; None is none."""
    writing: Callable[[str, bool], None] = lambda _node, _again: None
    """Called with the node whose next statement writes a row, before it is on its way, and whether
    its transaction has written before."""
    down_until: float = 0.0
    hang_until: float = 0.0
    read_only_until: float = 0.0
    pending: list[tuple[str, str | None]] = field(default_factory=list)
    """Faults that wait for the next write, each with the node it is meant for or None."""
    storm: Callable[[tuple[str, ...], str], str | None] = lambda _kinds, _node: None
    """Asked at each write and its commit by a node for a fault of these kinds, where none waits."""
    muted: set[str] = field(default_factory=set)
    """Nodes whose next statement that writes a row is lost on its way, as nobody tells them."""
    connections: 'set[Connection]' = field(default_factory=set)
    over: bool = False
    """The simulation has ended: its greenlets are put away, and clean up what is gone already."""
    commits: int = 0
    """Grows with every commit that may have changed a row."""

    @property
    def is_down(self) -> bool:
        return self.monotonic() < self.down_until

    @property
    def is_read_only(self) -> bool:
        return self.monotonic() < self.read_only_until

    def take(self, kinds: tuple[str, ...], node: str) -> str | None:
        """The first pending fault of these kinds for `node`, used up; else what a storm has."""
        fault = self._waiting(kinds, node) or self.storm(kinds, node)
        if fault is not None:
            self.report(fault, node)
        return fault

    def _waiting(self, kinds: tuple[str, ...], node: str) -> str | None:
        for index, (kind, target) in enumerate(self.pending):
            if kind in kinds and target in (None, node):
                del self.pending[index]
                return kind
        return None

    def drop_connections(self, node: str | None = None) -> None:
        """Break all open connections, or those of `node`: what they had open is rolled back."""
        for connection in sorted(self.connections, key=lambda one: one.serial):
            if node in (None, connection.node):
                connection.break_off()

    def end(self) -> None:
        """Let nothing change any more."""
        self.over = True
        self.down_until = math.inf
        self.drop_connections()


_OWN = frozenset(('serial', 'node', '_real', '_plan', '_error', '_patience', '_wrote', '_broken'))


class Connection:
    """A DB-API connection that is as good as the network to it."""

    _serial = 0

    def __init__(
        self, real: Any, plan: FaultPlan, node: str, error: type[Exception], patience: float | None
    ) -> None:
        Connection._serial += 1
        self.serial = Connection._serial
        self.node = node
        self._real = real
        self._plan = plan
        self._error = error
        self._patience = patience
        self._wrote = False
        self._broken = False
        plan.connections.add(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # What is not ours is a setting of the driver's connection.
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._real, name, value)

    def cursor(self, *args: Any) -> 'Cursor':
        self.check()
        return Cursor(self._real.cursor(*args), self)

    def execute(self, *args: Any) -> Any:
        self.check()
        return self._real.execute(*args)

    def commit(self) -> None:
        wrote, self._wrote = self._wrote, False
        if not wrote:
            self.travel()
            self._real.commit()
            return
        fault = self._plan.take(COMMIT_FAULTS, self.node)
        if fault == 'lost_before_commit':
            self.lose()
        self.travel()
        self._refuse_where_read_only()
        self._real.commit()
        self._plan.commits += 1
        if fault == 'lost_after_commit':
            self.lose()
        self.answered()

    def rollback(self) -> None:
        self._wrote = False
        if self._broken and self._plan.over:
            return
        self.check()
        self._real.rollback()

    def close(self) -> None:
        if not self._broken:  # PyMySQL minds a second time
            self._plan.connections.discard(self)
            self._real.close()

    def check(self) -> None:
        """Raise if the connection is broken."""
        if self._broken:
            raise self._error(*GONE)

    def break_off(self) -> None:
        """The server drops the connection; its open transaction is rolled back."""
        self._broken = True
        self._plan.connections.discard(self)
        self._real.close()

    def lose(self) -> None:
        """Break off in the middle of a statement. Raises."""
        self.break_off()
        raise self._error(*LOST)

    def travel(self) -> None:
        """A statement is on its way: latency, a server that hangs or has gone meanwhile."""
        plan = self._plan
        if plan.latency is not None:
            gevent.sleep(plan.latency(self.node))
        if (hang := plan.hang_until - plan.monotonic()) > 0:
            self._sit_out(hang)
        self.check()

    def answered(self) -> None:
        """The answer is on its way: latency, a connection that breaks before it arrives."""
        if self._plan.latency is not None:
            gevent.sleep(self._plan.latency(self.node))
            self.check()

    def _sit_out(self, hang: float) -> None:
        if self._patience is not None and hang > self._patience:
            gevent.sleep(self._patience)
            self.check()
            self.lose()
        gevent.sleep(hang)

    def _refuse_where_read_only(self) -> None:
        """Refuse a write, or a commit that was begun before: nothing of it is stored."""
        if self._plan.is_read_only:
            self._wrote = False
            self._real.rollback()
            raise self._error(*READ_ONLY)

    def before(self, statement: str) -> None:
        """Called with each statement before it is sent."""
        writes = statement.lstrip()[:7].upper().startswith(_WRITES)
        if writes:
            self._plan.writing(self.node, self._wrote)
        self.travel()
        if not writes:
            return
        if self.node in self._plan.muted:
            self._plan.muted.discard(self.node)
            self._plan.report(MUTED, self.node)
            self._sit_out(math.inf)
        self._refuse_where_read_only()
        match self._plan.take(STATEMENT_FAULTS, self.node):
            case 'deadlock':  # undoes the transaction
                self._wrote = False
                self._real.rollback()
                raise self._error(*DEADLOCK)
            case 'lock_timeout':  # undoes the statement
                raise self._error(*LOCK_TIMEOUT)
        self._wrote = True


class Cursor:
    """A cursor of such a connection."""

    def __init__(self, real: Any, connection: Connection) -> None:
        self._real = real
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __enter__(self) -> 'Cursor':
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def __iter__(self) -> Any:
        return iter(self._real)

    def execute(self, statement: str, *args: Any) -> Any:
        self._connection.before(statement)
        result = self._real.execute(statement, *args)
        self._connection.answered()
        return result

    def executemany(self, statement: str, *args: Any) -> Any:
        self._connection.before(statement)
        result = self._real.executemany(statement, *args)
        self._connection.answered()
        return result
