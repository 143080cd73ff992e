"""What a database error means for us, told by its code and not by the driver's class."""

import sqlite3

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from wumai.error import WumaiError


class StoreError(WumaiError):
    """The database could not do what was asked. Nothing of the transaction is stored, except
    perhaps where it is InDoubt.
    """


class Busy(StoreError):
    """A deadlock or a lock wait: the same transaction may be tried again at once."""


class Unavailable(StoreError):
    """The server is away, is read-only, or the connection was lost before the commit."""


class InDoubt(StoreError):
    """The answer to a COMMIT was lost: the transaction may be stored or not."""


class Rejected(StoreError):
    """These values cannot be stored; trying again changes nothing."""


# https://mariadb.com/kb/en/mariadb-error-codes/
_MYSQL: dict[int, type[StoreError]] = {
    # deadlock, lock wait, changed since it was read, NOWAIT, took too long, table was altered
    **dict.fromkeys((1205, 1213, 1020, 3572, 1969, 3024, 1412), Busy),
    **dict.fromkeys(
        # away, shutting down, too many connections, read-only after a failover, Galera not primary
        (
            1040, 1042, 1043, 1047, 1053, 1077, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203,
            1290, 1317, 1792, 1836, 1927, 2002, 2003, 2005, 2006, 2013, 2014, 2055, 4031,
        ),
        Unavailable,
    ),
    # the last three: CHECK of MySQL and of MariaDB, SIGNAL of a trigger
    **dict.fromkeys(
        (1048, 1062, 1153, 1264, 1265, 1292, 1366, 1406, 1411, 3988, 3819, 4025, 1644), Rejected
    ),
}  # fmt: skip

# https://www.sqlite.org/rescode.html (primary codes)
_SQLITE: dict[int, type[StoreError]] = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), Busy),
    **dict.fromkeys(
        (
            sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_FULL, sqlite3.SQLITE_PROTOCOL,
        ),
        Unavailable,
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH), Rejected
    ),
}  # fmt: skip

# https://www.postgresql.org/docs/current/errcodes-appendix.html (classes, then single codes)
_SQLSTATE: dict[str, type[StoreError]] = {
    '40': Busy,
    '55': Busy,
    '08': Unavailable,
    '53': Unavailable,
    '57': Unavailable,
    '58': Unavailable,
    '25006': Unavailable,
    '22': Rejected,
    '23': Rejected,
    'P0001': Rejected,
}


def _kind(error: BaseException) -> type[StoreError]:
    if isinstance(error, OSError | PoolTimeout):
        return Unavailable
    code = error.args[0] if error.args else None
    if isinstance(code, int) and code:
        return _MYSQL.get(code, StoreError)
    if sqlite_code := getattr(error, 'sqlite_errorcode', None):
        return _SQLITE.get(sqlite_code & 0xFF, StoreError)
    if sqlstate := getattr(error, 'sqlstate', None):
        return _SQLSTATE.get(sqlstate) or _SQLSTATE.get(sqlstate[:2], StoreError)
    if isinstance(error, OverflowError | UnicodeError | ValueError | TypeError):
        return Rejected
    # A driver that has lost its connection, or got none, often has no code to tell:
    # InterfaceError(0, '') of PyMySQL, OperationalError of psycopg and kinds of it.
    names = {kind.__name__ for kind in type(error).__mro__}
    return Unavailable if names & {'InterfaceError', 'OperationalError'} else StoreError


def translate(error: BaseException, *, committing: bool = False) -> StoreError:
    """The StoreError that `error` of the driver means; `committing` if a COMMIT raised it."""
    original = getattr(error, 'orig', None) or error
    kind = _kind(original)
    if getattr(error, 'connection_invalidated', False) and kind is StoreError:
        kind = Unavailable
    if committing and kind in (Unavailable, StoreError):
        kind = InDoubt  # also after an error that we do not know: to ask is always safe
    return kind(f'{type(original).__name__}: {original}{_advice(original)}')


def passes(error: BaseException) -> bool:
    """Whether `error`, ours or SQLAlchemy's, says that the database is away or busy for now, and
    nothing is stored.
    """
    if isinstance(error, SQLAlchemyError):
        error = translate(error)
    return isinstance(error, Busy | Unavailable)


def _advice(error: BaseException) -> str:
    return ' (make the tables with `wumai init-db`)' if lacks_table(error) else ''


def lacks_table(error: BaseException) -> bool:
    """Whether a driver says that a table is not there."""
    code = error.args[0] if error.args else None
    return (
        code == 1146
        or getattr(error, 'sqlstate', None) == '42P01'
        or str(code).startswith('no such table: ')
    )


TRANSLATED = (SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError)
"""What a driver may raise for a statement; all else is a bug and is left alone."""
