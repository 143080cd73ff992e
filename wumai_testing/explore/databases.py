"""The databases that are explored: each tells what every commit has changed, and whose it was."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakSet

from gevent.lock import BoundedSemaphore
from pymysql import err
from sqlalchemy import URL, Engine, MetaData, Table

from wumai.clock import Clock, SystemClock
from wumai.model.resource import Resource
from wumai.store import schema
from wumai.store.engine import LOCK_WAIT, ROLES, Role, make_engine
from wumai_testing.databases import Database, make_tables, server_database, sqlite_database
from wumai_testing.explore.ledger import COLUMNS
from wumai_testing.explore.mysql import Change, EmulatedConnection, Server
from wumai_testing.explore.plan import Plan
from wumai_testing.faults import FaultPlan
from wumai_testing.simulation import START

OnCommit = Callable[[list[Change], str], None]


class EmulatedDatabase(Database):
    """The emulated MySQL of one run."""

    is_real = False
    is_embedded = False

    def __init__(self, server: Server) -> None:
        url = URL.create('mysql+pymysql', username='root', host='emulated', database='emulated')
        self.server = server
        super().__init__(url, lambda: EmulatedConnection(server), err.OperationalError)
        self._connections: WeakSet[EmulatedConnection] = WeakSet()

    @property
    def waits_for_locks(self) -> bool:
        """Whether a claim waits for rows that others have locked."""
        return not self.server.skips_locked

    def watch(self, now: Callable[[], datetime], on_commit: OnCommit) -> None:
        """Take the time from `now`, and call `on_commit` with what each commit has changed."""
        self.server.now = now
        self.server.on_commit = lambda changes, connection: on_commit(changes, connection.node)

    def final_rows(self) -> list[Any]:
        """The committed rows of `job`."""
        return list(self.server.rows('job').values())

    def lock_counts(self) -> dict[str, int]:
        """What locks have come to, without a planned fault."""
        locks = self.server.locks
        return {
            'lock wait': locks.waits,
            'deadlock of its own': locks.deadlocks,
            'lock wait timeout of its own': locks.timeouts,
        }

    def is_quiet(self) -> bool:
        """Whether no transaction is open that holds anything."""
        return self.server.is_quiet()

    def locked_by(self, process: str) -> list[str]:
        """The jobs whose rows a process has locked, or waits for."""
        mine = [one for one in self._connections if one.node == process]
        locked = [lock for one in mine for lock in one.locked]
        return sorted(key[0] for table, key in locked if table == 'job')

    def hold(self, job_id: str) -> Callable[[], None]:
        """Lock a row as another program does; returns what lets it go. Waits for the lock."""
        connection = EmulatedConnection(self.server, 'another program')
        connection.run('SELECT id FROM job WHERE id = %s FOR UPDATE', [job_id])
        return connection.close

    def engine(self, role: Role, clock: Clock, plan: FaultPlan, node: str) -> Engine:
        engine = super().engine(role, clock, plan, node)
        shared = _shared_engine()
        # What statements compile to is the same in every run of this process.
        engine.dialect = engine.pool._dialect = shared.dialect
        engine._compiled_cache = shared._compiled_cache
        return _waiting_on_gevent(engine)

    def close(self) -> None:
        super().close()
        self.server.close()

    def _open(self, role: Role, node: str) -> Any:
        # As production's init_command asks.
        lock_wait = None if role.statement_timeout is None else LOCK_WAIT
        connection = EmulatedConnection(self.server, node, lock_wait)
        self._connections.add(connection)
        return connection


def _waiting_on_gevent(engine: Engine) -> Engine:
    # Latency switches within the first connect: its lock has to be one of gevent's.
    listeners: Any = engine.pool.dispatch.connect.for_modify(engine.pool.dispatch)
    listeners._exec_once_mutex = BoundedSemaphore()
    return engine


@functools.cache
def _shared_engine() -> Engine:
    server = Server([], lambda: START)
    url = URL.create('mysql+pymysql', username='root', host='emulated', database='emulated')
    engine = make_engine(
        url, ROLES['worker'], SystemClock(), creator=lambda: EmulatedConnection(server)
    )
    engine.connect().close()
    return engine


def emulated_database(
    server: Mapping[str, Any] | None = None, metadata: Sequence[MetaData] = ()
) -> EmulatedDatabase:
    """A database with wumai's tables and the app's own; `server` has options of Server."""
    tables: dict[str, Table] = {}
    for one in (schema.metadata, Resource.metadata, *metadata):
        tables |= one.tables
    return EmulatedDatabase(Server(tables.values(), lambda: START, **(server or {})))


_QUERY = f'SELECT {", ".join(COLUMNS)} FROM job'


class ComparedDatabase:
    """A real database, whose table is read after each commit and compared with what it was.

    Locks are the server's, which knows no virtual time: a wait for one takes real time.
    """

    is_real = True

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.is_embedded = inner.url.get_backend_name() == 'sqlite'
        """All processes are on one host, and one of them writes at a time."""
        self.waits_for_locks = self.is_embedded
        self._rows: dict[str, Any] = {}
        self._on_commit: OnCommit = lambda _changes, _node: None
        inner._open = self._open  # type: ignore[assignment,method-assign]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def watch(self, _now: Callable[[], datetime], on_commit: OnCommit) -> None:
        self._on_commit = on_commit

    def final_rows(self) -> list[Any]:
        return sorted(self._inner.ask(_QUERY))

    def lock_counts(self) -> dict[str, int]:
        return {}

    def is_quiet(self) -> bool:
        return True

    def locked_by(self, process: str) -> list[str]:  # noqa: ARG002
        """Unknown here."""
        return []

    def hold(self, job_id: str) -> Callable[[], None] | None:  # noqa: ARG002
        """Not here: who waits for the row would stop the time in which it is let go."""
        return None

    def engine(self, role: Role, clock: Clock, plan: FaultPlan, node: str) -> Engine:
        return _waiting_on_gevent(self._inner.engine(role, clock, plan, node))

    def _open(self, _role: Role, node: str) -> Any:
        return _Committing(self._inner._connect(), lambda: self._committed(node))

    def _committed(self, node: str) -> None:
        before, self._rows = self._rows, {row[0]: row for row in self._inner.ask(_QUERY)}
        changes = [
            Change('job', (key,), before.get(key), self._rows.get(key))
            for key in sorted({*before, *self._rows})
            if before.get(key) != self._rows.get(key)
        ]
        self._on_commit(changes, node)


class _Committing:
    """A connection of the driver that tells of its commits."""

    def __init__(self, real: Any, committed: Callable[[], None]) -> None:
        object.__setattr__(self, '_real', real)
        object.__setattr__(self, '_committed', committed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def commit(self) -> None:
        self._real.commit()
        self._committed()


Explored = EmulatedDatabase | ComparedDatabase


def open_database(
    plan: Plan, url: str | None = None, metadata: Sequence[MetaData] = ()
) -> Explored:
    """The emulated MySQL; `sqlite`, or a server's URL, is the real thing."""
    if url is None:
        return emulated_database(plan.server, metadata)
    inner = sqlite_database() if url == 'sqlite' else server_database(url)
    make_tables(inner.url, *metadata)
    return ComparedDatabase(inner)
