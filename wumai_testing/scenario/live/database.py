"""The databases of live scenarios: each file has an empty one of its own."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, NullPool, create_engine, make_url, text

from wumai.error import ConfigError
from wumai.store import schema
from wumai_testing.databases import server_database
from wumai_testing.mariadb import MariaDB

SQLITE = 'sqlite'
"""`--database sqlite`: a file."""

_OPTIONS = ('--innodb-flush-log-at-trx-commit=2',)
"""What is committed outlives a kill, and need not outlive the machine."""

_Act = Callable[[], object]

_numbers = count(1)


class Databases(Protocol):
    """Where the files of one slot, one after the other, have their databases."""

    server: MariaDB | None
    """Ours to stop, where there is one."""

    def fresh(self, folder: Path) -> str:
        """The URL of an empty one with wumai's tables; `folder` is that of the scenario."""

    def close(self) -> None:
        """Take everything away."""


def databases(url: str | None) -> Databases:
    """None is a private MariaDB, `sqlite` a file, anything else the URL of a server."""
    if url == SQLITE:
        return _SqliteFiles()
    return _Private() if url is None else _Given(url)


class _SqliteFiles:
    server: MariaDB | None = None

    def fresh(self, folder: Path) -> str:
        path = folder / 'wumai.db'
        connection = sqlite3.connect(path)
        connection.execute('PRAGMA journal_mode = WAL')
        connection.executescript(schema.ddl('sqlite'))
        connection.close()
        return f'sqlite:///{path}'

    def close(self) -> None:
        """It goes with its folder."""


class _Given:
    """A database beside the one that a URL names; it is emptied for each file."""

    def __init__(self, url: str) -> None:
        if make_url(url).get_backend_name() == 'sqlite':
            raise ConfigError(f'write `--database {SQLITE}`: each file has a database of its own')
        self.server: MariaDB | None = None
        self._url = url
        self._id = f'_live_{os.getpid()}_{next(_numbers)}'
        self._made: URL | None = None

    def fresh(self, folder: Path) -> str:  # noqa: ARG002
        self._made = server_database(self._url, self._id).url
        return self._made.render_as_string(hide_password=False)

    def close(self) -> None:
        if self._made is None:
            return
        # One cannot drop the database that one is in.
        other = make_url(self._url)
        if other.get_backend_name() != 'postgresql':
            other = other.set(database='')
        engine = create_engine(other, poolclass=NullPool, isolation_level='AUTOCOMMIT')
        name = engine.dialect.identifier_preparer.quote_identifier(self._made.database or '')
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS {name}'))


class _Private:
    """Databases of a server of our own, made when first asked for."""

    def __init__(self) -> None:
        self.server: MariaDB | None = None
        self._databases: _Given | None = None

    def fresh(self, folder: Path) -> str:
        if self.server is None:
            self.server = MariaDB(_OPTIONS)
        self.server.start()
        self._databases = self._databases or _Given(self.server.database_url('live'))
        return self._databases.fresh(folder)

    def close(self) -> None:
        if self.server is not None:
            self.server.close()


class Outages:
    """What a scenario does to its server, and undoes after its time."""

    def __init__(self, server: MariaDB) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._over = threading.Event()
        self._over.set()
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds until the outage is to end; then the server may still be starting."""
        return 0.0 if self._over.is_set() else self._until - time.perf_counter()

    @property
    def lasting(self) -> bool:
        """Whether the server does not answer for now."""
        return not self._over.is_set()

    def down(self, seconds: float) -> None:
        """Kill the server, and start it again after `seconds`."""
        self._begin(self._server.kill, self._server.start, seconds)

    def hang(self, seconds: float) -> None:
        """Let the server stand still for `seconds`."""
        self._begin(self._server.freeze, self._server.thaw, seconds)

    def await_end(self, seconds: float) -> bool:
        return self._over.wait(seconds)

    def close(self) -> None:
        """The server as it was."""
        for timer in self._timers:
            timer.cancel()
        for timer in self._timers:
            timer.join()
        with self._lock:
            if self._server.pid:
                self._server.thaw()
            self._server.start()

    def _begin(self, fail: _Act, heal: _Act, seconds: float) -> None:
        with self._lock:
            self._over.clear()
            self._until = time.perf_counter() + seconds
            fail()
        timer = threading.Timer(seconds, self._end, [heal])
        self._timers.append(timer)
        timer.start()

    def _end(self, heal: _Act) -> None:
        try:
            with self._lock:
                heal()
        finally:
            self._over.set()
