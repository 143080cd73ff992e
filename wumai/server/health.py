"""The health of a worker over HTTP, for whoever starts and watches its process.

It is served on the hub that runs the handlers: a handler that holds the hub is one that is seen.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from gevent.lock import BoundedSemaphore

from wumai.clock import Clock
from wumai.error import ConfigError
from wumai.server.http import TidyServer
from wumai.store.base import Store
from wumai.store.db_errors import StoreError

FRESH = 1.0
"""Seconds for which an answer of the database is given again, however many ask."""

Facts = Callable[[], dict[str, Any]]


class Readiness:
    """Whether the database answers, and how old the oldest due job is."""

    def __init__(self, connect: Callable[[], Store], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._store: Store | None = None
        self._lock = BoundedSemaphore()
        self._asked: float | None = None
        self._answer: dict[str, Any] = {}

    def ask(self) -> dict[str, Any]:
        """`database`: true or false, and `oldestDue`: seconds, or null where nothing is due."""
        with self._lock:
            now = self._clock.monotonic()
            if self._asked is None or now - self._asked >= FRESH:
                self._answer = self._ask_database()
                self._asked = self._clock.monotonic()
            return self._answer

    def _ask_database(self) -> dict[str, Any]:
        try:
            self._store = self._store or self._connect()
            now = self._clock.now()
            due = self._store.candidates(now, 1)
        except StoreError:
            return {'database': False, 'oldestDue': None}
        return {'database': True, 'oldestDue': _age(due[0].run_at, now) if due else None}

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _age(run_at: object, now: datetime) -> float:
    # NULL and what is no time are due at once.
    return round((now - run_at).total_seconds(), 3) if isinstance(run_at, datetime) else 0.0


class Health:
    """`/healthz`: the process lives. `/readyz`: it takes jobs, and its database answers."""

    def __init__(self, port: int, facts: Facts, readiness: Readiness) -> None:
        self._facts = facts
        self._readiness = readiness
        self._port = port
        self._server = TidyServer(('0.0.0.0', port), self._serve, log=None, error_log=None)

    def start(self) -> None:
        """Listen. Raises ConfigError where the port cannot be had."""
        try:
            self._server.start()
        except (OSError, OverflowError) as error:
            raise ConfigError(f'health_port {self._port}: {error}') from None

    def stop(self) -> None:
        self._server.stop(timeout=0)
        self._readiness.close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        facts = self._facts()
        match environ['PATH_INFO']:
            case '/healthz':
                status = '200 OK'
            case '/readyz':
                facts |= self._readiness.ask()
                ready = facts['status'] == 'running' and facts['database']
                status = '200 OK' if ready else '503 Service Unavailable'
            case _:
                facts, status = {'message': 'ask /healthz or /readyz'}, '404 Not Found'
        body = json.dumps(facts).encode() + b'\n'
        headers = [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))]
        start_response(status, headers)
        return [body]


@contextmanager
def answering(health: Health | None) -> Iterator[None]:
    """Answer while the block runs; nothing where there is no port."""
    if health is None:
        yield
        return
    health.start()
    try:
        yield
    finally:
        health.stop()
