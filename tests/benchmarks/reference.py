"""The references: what one would write by hand for the same work and the same durability.

One process claims up to `pick` jobs, runs them and writes their outcomes, each step one
transaction; the statements are as few as the work allows. It knows no retries, timeouts, leases
or stop, which is what it is compared for.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pymysql
from sqlalchemy import make_url

Row = Sequence[Any]

_DUE = "SELECT id FROM job WHERE status = 'pending' AND run_at <= {mark} ORDER BY run_at LIMIT {n}"
_LOCK = (
    'SELECT id, action, params, trys, try_max FROM job WHERE id IN ({marks}) '
    "AND status = 'pending' FOR UPDATE SKIP LOCKED"
)
_READ = 'SELECT id, action, params, trys, try_max FROM job WHERE id IN ({marks})'
_TAKE = (
    "UPDATE job SET status = 'running', trys = trys + 1, result = {mark}, updated = {mark} "
    'WHERE id IN ({marks})'
)
_END = (
    "UPDATE job SET status = 'finished', result = CASE id {results} END, updated = {mark} "
    "WHERE id IN ({marks}) AND status = 'running' AND result = {mark}"
)
INSERT = (
    'INSERT INTO job (id, action, status, params, updated, created, run_at, try_period, try_max, '
    'trys) VALUES ({values})'
)


def echo(params: Any) -> Any:
    """The handler: each job has a result of its own."""
    return params


HANDLERS = {'Echo': echo}


def now() -> str:
    return datetime.now(UTC).strftime('%Y-%m-%d %H:%M:%S')


def connect_mysql(url: str, **options: Any) -> 'pymysql.Connection[Any]':
    parts = make_url(url)
    connection = pymysql.connect(
        host=parts.host, port=parts.port or 3306, user=parts.username, database=parts.database,
        **options,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    return connection


def connect_sqlite(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(make_url(url).database or '', timeout=10, isolation_level=None)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')
    return connection


def run(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The ids and results of claimed rows, whose handlers are called one after the other."""
    return [(row[0], json.dumps(HANDLERS[row[1]](json.loads(row[2])))) for row in rows]


def drain_mysql(connection: 'pymysql.Connection[Any]', pick: int) -> float:
    """Run all that is due; seconds. Candidates are read unlocked, then locked by their ids."""
    began = time.perf_counter()
    while ids := _due_mysql(connection, pick):
        _end_mysql(connection, run(_claim_mysql(connection, ids)))
    return time.perf_counter() - began


def _due_mysql(connection: 'pymysql.Connection[Any]', pick: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE.format(mark='%s', n=pick), (now(),))
        ids = [row[0] for row in cursor.fetchall()]
    connection.commit()
    return ids


def _claim_mysql(connection: 'pymysql.Connection[Any]', ids: list[str]) -> Sequence[Row]:
    marks = _marks('%s', len(ids))
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(marks=marks), ids)
        rows = cursor.fetchall()
        taken = [row[0] for row in rows]
        statement = _TAKE.format(mark='%s', marks=_marks('%s', len(taken)))
        cursor.execute(statement, ['token', now(), *taken])
    connection.commit()
    return rows


def _end_mysql(connection: 'pymysql.Connection[Any]', ended: list[tuple[str, str]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*_end('%s', ended))
    connection.commit()


def drain_sqlite(connection: sqlite3.Connection, pick: int) -> float:
    """As `drain_mysql`; with one writer at a time nothing is to be locked or skipped."""
    began = time.perf_counter()
    while ended := run(_claim_sqlite(connection, pick)):
        connection.execute('BEGIN IMMEDIATE')
        connection.execute(*_end('?', ended))
        connection.execute('COMMIT')
    return time.perf_counter() - began


def _claim_sqlite(connection: sqlite3.Connection, pick: int) -> Sequence[Row]:
    connection.execute('BEGIN IMMEDIATE')
    ids = [row[0] for row in connection.execute(_DUE.format(mark='?', n=pick), (now(),))]
    marks = _marks('?', len(ids))
    rows = connection.execute(_READ.format(marks=marks), ids).fetchall()
    connection.execute(_TAKE.format(mark='?', marks=marks), ['token', now(), *ids])
    connection.execute('COMMIT')
    return rows


def _end(mark: str, ended: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """One statement that writes every job's own result, and its values."""
    ids = [job_id for job_id, _ in ended]
    results = ' '.join([f'WHEN {mark} THEN {mark}'] * len(ended))
    statement = _END.format(mark=mark, marks=_marks(mark, len(ids)), results=results)
    return statement, [*chain.from_iterable(ended), now(), *ids, 'token']


def _marks(mark: str, count: int) -> str:
    return ', '.join([mark] * count)
