"""Wake-ups by PostgreSQL itself: NOTIFY and LISTEN.

NOTIFY in the transaction that creates a job would be sent at its commit too, but all commits with
one wait for each other. So it is sent alone, after the commit, once for many jobs.
"""

from collections.abc import Generator
from contextlib import closing
from typing import Any

import gevent
from sqlalchemy import Engine

from wumai.wire.base import ANSWER, SILENCE

CHANNEL = 'wumai'


class PostgresqlPort:
    """The database of `engine`, whose connections are the wire's own."""

    name = 'PostgreSQL'

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, sender: str) -> None:
        with _in_time(), self._engine.begin() as connection:
            connection.exec_driver_sql('SELECT pg_notify(%s, %s)', (CHANNEL, sender))

    def hear(self) -> Generator[str | None, None, None]:
        with closing(self._connect()) as connection:
            connection.autocommit = True
            connection.execute(f'LISTEN {CHANNEL}')
            yield None
            while True:
                for notice in connection.notifies(timeout=SILENCE):
                    yield notice.payload
                with _in_time():
                    connection.execute('SELECT 1')
                yield None

    def _connect(self) -> Any:
        """A connection of psycopg's that is not the pool's."""
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        return connection


def _in_time() -> gevent.Timeout:
    return gevent.Timeout(ANSWER, TimeoutError('PostgreSQL does not answer'))
