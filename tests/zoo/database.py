"""What is particular to MySQL: row locks, undone transactions, strict columns, counts of rows."""

import sqlite3
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError

from tests.zoo import statements
from tests.zoo.base import (
    CLOCK,
    DOUBLE,
    LOST,
    MYSQL,
    POISON,
    STALE,
    STARVATION,
    STUCK,
    TWO,
    Real,
    bug,
)
from wumai.job import RUNNING
from wumai.store import schema

job = schema.job.c
_NOT_REPLACED = {'wumai.worker.writer:OutcomeWriter._replace': lambda *_: None}


_ERRORS = (OperationalError, sqlite3.OperationalError)
"""SQLAlchemy's, and what stands for MySQL's in a simulation on SQLite."""


def _code(error: Exception) -> Any:
    original = getattr(error, 'orig', error)
    return original.args[0] if original.args else None


@bug(
    'wumai.store.columns:ColumnLimits.skips_locked',
    kind=STARVATION,
    breaks=(7,),
    needs=(MYSQL, TWO),
    issue='woocommerce/action-scheduler#1259',
    title='Implement SKIP LOCKED during action claiming',
)
def claim_waits_for_locks(real: Real, limits: Any, connection: Any) -> bool:
    """A claim waits for rows that others have locked, and all other due jobs wait with it."""
    return False


@bug(
    'wumai.store.columns:ColumnLimits.skips_locked',
    kind=STUCK,
    breaks=(5,),
    needs=(MYSQL,),
    issue='rails/solid_queue#690',
    title='Update README.md with MariaDB `SKIP LOCKED` version information',
)
def server_without_skip_locked(real: Real, limits: Any, connection: Any) -> bool:
    """SKIP LOCKED is sent to a server that does not know it, which refuses each claim."""
    return True


def _as_it_is(value: Any, dialect: str) -> Any:
    return str(value) if value is not None and dialect == 'sqlite' else value


@bug(
    'wumai.worker.outcome:later',
    kind=CLOCK,
    breaks=(7,),
    needs=(MYSQL,),
    issue='microsoft/MLOS#775',
    title='bugfix: MySQL can round microseconds into the future causing scheduler to skip trials',
    also={
        'wumai.store.sql:stamp': lambda dialect, value: _as_it_is(value, dialect),
        'wumai.store.schema:UtcSeconds.process_bind_param': (
            lambda _, value, dialect: _as_it_is(value, dialect.name)
        ),
    },
)
def server_rounds_the_time(real: Real, moment: Any, seconds: float) -> Any:
    """Times are sent with their fractions, which a DATETIME column rounds up or down."""
    return moment + timedelta(seconds=seconds)


@bug(
    'wumai.store.columns:ColumnLimits.bytes_of',
    kind=POISON,
    breaks=(5, 12),
    needs=(MYSQL,),
    issue='collectiveidea/delayed_job#550',
    title='Worker crashes when error.message is too long',
    also=_NOT_REPLACED,
)
def error_too_long_is_sent_for_ever(real: Real, limits: Any, column: str) -> int:
    """An error that is too long for its column is sent as it is, and again for ever."""
    return 2**31


@bug(
    'wumai.store.columns:ColumnLimits.fitting',
    kind=POISON,
    breaks=(9,),
    needs=(MYSQL,),
    issue='collectiveidea/delayed_job_active_record#200',
    title='Prevent attempts to write too long error messages',
)
def error_is_cut_by_characters(real: Real, limits: Any, column: str, message: str) -> str:
    """An error is cut to as many characters as its column has bytes."""
    clean = message.replace('\0', '').encode('utf-8', 'backslashreplace').decode()
    return clean[: limits.bytes_of(column)]


@bug(
    'wumai.store.columns:ColumnLimits.fitting',
    kind=POISON,
    breaks=(5, 12),
    needs=(MYSQL,),
    issue='collectiveidea/delayed_job#1030',
    title="Presence of emoji's in handler breaks delayed jobs",
    also=_NOT_REPLACED,
)
def emoji_in_an_error_are_sent_for_ever(real: Real, limits: Any, column: str, text: str) -> str:
    """An emoji in an error is sent to a utf8mb3 column, which refuses it, and again for ever."""
    clean = text.replace('\0', '').encode('utf-8', 'backslashreplace')
    return clean[: limits.bytes_of(column)].decode('utf-8', 'ignore')


@bug(
    'wumai.store.columns:ColumnLimits.holds',
    kind=POISON,
    breaks=(12,),
    needs=(MYSQL,),
    issue='collectiveidea/delayed_job_active_record#80',
    title='jobs closed unexpectedly - data too long for text column',
)
def any_result_is_sent(real: Real, limits: Any, column: str, value: str) -> bool:
    """The size of a result is not looked at before it is sent."""
    return True


@bug(
    'wumai.store.sql:SqlStore._write_alike',
    kind=LOST,
    breaks=(2, 6),
    needs=(MYSQL, TWO),
    issue='civicrm/civicrm-packages#446',
    title='Prevent retry of single statement when within db transaction',
)
def goes_on_after_a_deadlock(real: Real, *args: Any) -> int:
    """The statement that met a deadlock is sent again, what it undid before it is not."""
    try:
        return int(real(*args))
    except _ERRORS as error:
        if _code(error) != 1213:
            raise
        return int(real(*args))


@bug(
    'wumai.store.sql:SqlStore._write_alike',
    kind=LOST,
    breaks=(2, 6),
    needs=(MYSQL, TWO),
    issue='laravel/framework#7046',
    title='Laravel 5. PDOException. QUEUE_DRIVER=database 1213 Deadlock',
)
def lock_wait_is_ignored(real: Real, *args: Any) -> int:
    """A lock wait that ends in an error is ignored, as if another had done the work."""
    try:
        return int(real(*args))
    except _ERRORS as error:
        if _code(error) != 1205:
            raise
        return len(args[-2])


def _changed(fence: tuple[str, str], now: Any) -> Any:
    return job.status == RUNNING, job.result == fence[1], job.updated != now


@bug(
    'wumai.store.sql:SqlStore.renew',
    kind=STALE,
    breaks=(2,),
    needs=(MYSQL,),
    issue='stacksjs/stacks#2639',
    title='mysql: no-op UPDATEs report 0 rows',
)
def rows_changed_count_for_rows_found(real: Real, store: Any, fences: Any, now: Any) -> Any:
    """A heartbeat in the second of the last one changes nothing, and the job counts as lost."""
    each = [statements.renew(store, [one], now, *_changed(one, now)) for one in sorted(fences)]
    return set().union(*(one[0] for one in each)), set().union(*(one[1] for one in each))


@bug(
    'wumai.store.sql:SqlStore._take',
    kind=DOUBLE,
    breaks=(1, 2),
    needs=(MYSQL, TWO),
    issue='laravel/framework#22394',
    title='[5.5] database queue - transactions management fix',
)
def claim_survives_its_deadlock(real: Real, *args: Any) -> None:
    """A deadlock in the middle of a claim is caught, and what was undone is run."""
    with suppress(*_ERRORS):
        real(*args)
