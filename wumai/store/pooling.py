"""Less than a pool does by itself between two uses of a connection."""

from datetime import datetime
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import PoolResetState

from wumai.clock import Clock

IDLE = 1.0
"""Seconds after which a connection in the pool may have gone stale."""

PYMYSQL = 'pymysql'
_IN_TRANSACTION = 1


def reset_on_return(url: URL, *, shared: bool) -> str | None:
    """How SQLAlchemy itself undoes what was left open; `shared` with an app's own code."""
    return 'rollback' if shared and url.get_driver_name() != PYMYSQL else None


def connect_args(url: URL) -> dict[str, Any]:
    """What the driver is to be told."""
    return {'conv': _converters()} if url.get_driver_name() == PYMYSQL else {}


def prepare(engine: Engine, clock: Clock, *, shared: bool, pings: bool) -> None:
    """Listen to the pool of `engine`; with `pings` a connection is asked when it was idle."""
    if shared and engine.dialect.driver == PYMYSQL:
        event.listen(engine, 'reset', _reset)
    if pings:
        _ping_idle(engine, clock)


def _ping_idle(engine: Engine, clock: Clock) -> None:
    """Ask a connection that was idle whether it is still one; busy ones cost nothing."""

    def on_checkin(_connection: Any, record: Any) -> None:
        record.info['wumai_used'] = clock.monotonic()

    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get('wumai_used')
        if used is None or clock.monotonic() - used < IDLE:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:  # the others of the pool are as stale
            raise InvalidatePoolError(str(error)) from error

    event.listen(engine, 'checkin', on_checkin)
    event.listen(engine, 'checkout', on_checkout)


def _reset(connection: Any, _record: Any, state: PoolResetState) -> None:
    """Undo what an app left open; a transaction that has ended needs no ROLLBACK."""
    status = getattr(connection, 'server_status', _IN_TRANSACTION)
    if not state.transaction_was_reset and status & _IN_TRANSACTION:
        connection.rollback()


def _converters() -> dict[Any, Any]:
    """PyMySQL's own, with a faster one for times, of which a claim reads many."""
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions, convert_datetime

    def read(text: str) -> Any:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return convert_datetime(text)

    return {**conversions, FIELD_TYPE.DATETIME: read, FIELD_TYPE.TIMESTAMP: read}
