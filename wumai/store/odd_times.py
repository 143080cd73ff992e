"""Times in a form of their own, which other programs wrote into an SQLite file.

SQLite keeps what it is given: `2026-01-01T00:00:00Z`, a number, or no time at all. As text these
do not compare as times, so a due job could stay unseen for ever. They are rewritten to the one
form that is compared; a row that holds no time is ended.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from wumai.clock import ceil_second, floor_second
from wumai.store.schema import parse_time

ROWS = 1000
"""Rewritten in one call."""

_FORM = '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]'  # for GLOB


def due_times(connection: Connection) -> list[tuple[str, Any]]:
    """Rewrite `run_at` of pending rows; the ids, and values, of those that hold no time."""
    garbage = []
    for job_id, value in _odd(connection, 'run_at', 'pending'):
        if isinstance(moment := parse_time(value), datetime):
            _rewrite(connection, 'run_at', 'pending', job_id, value, str(ceil_second(moment)))
        else:
            garbage.append((job_id, value))
    return garbage


def leases(connection: Connection) -> None:
    """Rewrite `updated` of running rows; what is no time becomes NULL, a lease that is over."""
    for job_id, value in _odd(connection, 'updated', 'running'):
        moment = parse_time(value)
        renewed = str(floor_second(moment)) if isinstance(moment, datetime) else None
        _rewrite(connection, 'updated', 'running', job_id, value, renewed)


def _odd(connection: Connection, column: str, status: str) -> list[Any]:
    query = text(
        f'SELECT id, {column} FROM job WHERE status = :status AND {column} IS NOT NULL'
        f" AND (typeof({column}) != 'text' OR {column} NOT GLOB :form) LIMIT :rows"
    )
    return list(connection.execute(query, {'status': status, 'form': _FORM, 'rows': ROWS}))


def _rewrite(
    connection: Connection, column: str, status: str, job_id: str, old: Any, new: str | None
) -> None:
    statement = text(
        f'UPDATE job SET {column} = :new WHERE id = :id AND status = :status AND {column} = :old'
    )
    connection.execute(statement, {'new': new, 'id': job_id, 'status': status, 'old': old})
