"""The databases that chaos runs on, and the trouble that each can make."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, NullPool, create_engine, text

from tests.chaos.fleet import now
from tests.chaos.proxy import HOLE, PASS, REFUSE, RESET, SLOW, Proxy
from wumai.store import schema
from wumai_testing.mariadb import MariaDB

IMPATIENT = {'connect_timeout': 1, 'read_timeout': 2, 'write_timeout': 2}
"""For connections of the tests to a server that they freeze themselves."""

LONG_PART = 0.25
"""Of the workers that are frozen or cut off: those for longer than a lease. Were it half of them,
hardly one would be left to take the jobs of the others back.
"""

Later = Callable[[float, Callable[[], None]], None]
"""Does something so many seconds from now."""
Cut = Callable[[int, float, float], None]
"""Notes that the workers of a slot were cut off, from and to."""


class Ground(Protocol):
    """One kind of database."""

    name: str
    outages: list[tuple[float, float]]
    """When it served nobody."""
    counts: dict[str, int]

    def url(self, slot: int) -> str:
        """Where the workers of `slot` find it."""

    def engine(self) -> Engine:
        """For the tests: undisturbed by proxies. Not pooled."""

    def trouble(self, rng: random.Random, later: Later, cut: Cut) -> None:
        """Make some, which ends by itself by means of `later`."""

    def heal(self) -> None:
        """End all trouble."""

    def serves(self) -> bool:
        """Whether it takes writes of others, though a worker was just frozen."""


class Base:
    """What all kinds keep count of."""

    def __init__(self) -> None:
        self.outages: list[tuple[float, float]] = []
        self.counts: dict[str, int] = {}

    def serves(self) -> bool:
        return True

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def make_tables(engine: Engine) -> None:
    schema.metadata.create_all(engine)
    engine.dispose()


class SqliteGround(Base):
    """A file; its trouble is another program that holds the write lock."""

    name = 'sqlite'

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / 'wumai.db'
        make_tables(self.engine())

    def url(self, slot: int) -> str:
        return f'sqlite:///{self._path}'

    def engine(self) -> Engine:
        return create_engine(
            f'sqlite:///{self._path}', poolclass=NullPool, connect_args={'timeout': 1}
        )

    def trouble(self, rng: random.Random, later: Later, cut: Cut) -> None:
        self._count('locked')
        threading.Thread(target=self._lock, args=(rng.uniform(0.2, 2.0),), daemon=True).start()

    def _lock(self, seconds: float) -> None:
        with suppress(sqlite3.OperationalError), write_lock(self._path):
            begin = now()
            threading.Event().wait(seconds)
            self.outages.append((begin, now()))

    def serves(self) -> bool:
        return takes_writes(self._path)

    def heal(self) -> None:
        """Nothing: a lock ends by itself."""


@contextmanager
def write_lock(path: str | Path) -> Iterator[None]:
    """Hold the one lock that SQLite has. Raises OperationalError where another holds it."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        connection.execute('BEGIN IMMEDIATE')
        yield
        connection.execute('COMMIT')


def takes_writes(path: str | Path) -> bool:
    """Whether the lock can be had, which a process may hold that was stopped."""
    try:
        with write_lock(path):
            return True
    except sqlite3.OperationalError:
        return False


class MariaGround(Base):
    """A server that is killed or frozen, behind a proxy that has a lane for each slot."""

    name = 'mariadb'

    def __init__(self, server: MariaDB, proxy: Proxy, lease: float) -> None:
        super().__init__()
        self._server = server
        self._proxy = proxy
        self._lease = lease
        self._down_at: float | None = None
        server.execute('CREATE DATABASE chaos CHARACTER SET utf8mb4')
        make_tables(self.engine())

    def url(self, slot: int) -> str:
        return f'mysql+pymysql://root@127.0.0.1:{self._proxy.ports[slot]}/chaos'

    def engine(self) -> Engine:
        return create_engine(
            self._server.database_url('chaos'), poolclass=NullPool, connect_args=IMPATIENT
        )

    def trouble(self, rng: random.Random, later: Later, cut: Cut) -> None:
        if self._down_at is None and rng.random() < 0.2:
            self._strike_server(rng, later)
            return
        lanes = len(self._proxy.ports)
        self._strike_lane(rng.randrange(lanes), rng, later, cut)

    def _strike_server(self, rng: random.Random, later: Later) -> None:
        self._down_at = now()
        if rng.random() < 0.5:
            self._count('server killed')
            self._server.kill()
        else:
            self._count('server frozen')
            self._server.freeze()
        later(rng.uniform(0.5, 2.0), self._restore)

    def _restore(self) -> None:
        if self._down_at is None:
            return
        if self._server.pid is None:
            self._server.start()
        else:
            self._server.thaw()
        self.outages.append((self._down_at, now()))
        self._down_at = None

    def _strike_lane(self, lane: int, rng: random.Random, later: Later, cut: Cut) -> None:
        mode = rng.choice((SLOW, RESET, HOLE, REFUSE))
        self._count(f'connection {mode}')
        begin = now()
        if mode == SLOW:
            self._proxy.tell(lane, SLOW, 0.1)
            later(1.0, lambda: self._proxy.tell(lane, PASS))
        elif mode == RESET:
            self._proxy.tell(lane, RESET)
        else:
            # Either short enough for all heartbeats to be in time, or longer than the lease.
            seconds = self._lease * (2.5 if rng.random() < LONG_PART else 0.2)
            self._proxy.tell(lane, mode)

            def mend() -> None:
                self._proxy.tell(lane, PASS)
                cut(lane, begin, now())

            later(seconds, mend)

    def heal(self) -> None:
        self._restore()
        for lane in range(len(self._proxy.ports)):
            self._proxy.tell(lane, PASS)


@contextmanager
def ground(name: str, folder: Path, slots: int, lease: float) -> Iterator[Ground]:
    """A new database of this kind, with wumai's tables."""
    if name == 'sqlite':
        yield SqliteGround(folder)
    elif name == 'galera':
        from tests.chaos.galera import Galera
        from tests.chaos.galera_ground import GaleraGround

        with Galera() as cluster:
            yield GaleraGround(cluster)
    else:
        with MariaDB() as server, Proxy(server.port, slots) as proxy:
            yield MariaGround(server, proxy, lease)


def rows_of(engine: Engine, columns: str = 'id, status, trys, try_max') -> Sequence[Any]:
    """All rows of `job`."""
    with engine.connect() as connection:
        return connection.execute(text(f'SELECT {columns} FROM job')).all()
