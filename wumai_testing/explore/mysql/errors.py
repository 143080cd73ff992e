"""The errors of a MySQL server, raised as PyMySQL raises them."""

from pymysql import err

BAD_NULL = 1048
DUPLICATE = 1062
PARSE = 1064
NO_TABLE = 1146
LOCK_TIMEOUT = 1205
DEADLOCK = 1213
OUT_OF_RANGE = 1264
BAD_TIME = 1292
NO_DEFAULT = 1364
BAD_VALUE = 1366
TOO_LONG = 1406
GONE = 2006
LOST = 2013
NOT_WAITED = 3572

_TEXTS = {
    LOCK_TIMEOUT: 'Lock wait timeout exceeded; try restarting transaction',
    DEADLOCK: 'Deadlock found when trying to get lock; try restarting transaction',
    GONE: 'MySQL server has gone away (emulated)',
    LOST: 'Lost connection to MySQL server during query (emulated)',
    NOT_WAITED: 'Lock wait timeout exceeded; try restarting transaction',
}


def mysql_error(code: int, text: str | None = None) -> Exception:
    """The exception of the class that PyMySQL maps `code` to."""
    kind = err.error_map.get(code, err.OperationalError)
    return kind(code, text or _TEXTS[code])


def unknown(statement: str) -> Exception:
    """What the emulation does not know; loudly, so that no run is green for the wrong reason."""
    return NotImplementedError(f'the emulated MySQL does not know: {statement:.300}')
