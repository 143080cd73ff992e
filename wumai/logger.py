"""The logs: `<log_dir>/<server>/normal.log`, `access.log` and `db.log`, rotated at midnight UTC.

All is standard logging below the logger `wumai`, so that handlers of the app's own see it too.
One handler at that logger brings each record to the file that it belongs to: the server by the
running context, the file by the logger's name. Before `setup` nothing is written.
"""

import logging
import os
import re
import sys
import time
from functools import lru_cache
from pathlib import Path

from gevent import monkey

from wumai.common import local
from wumai.common.secrets import mask_text
from wumai.config import CONF
from wumai.error import ConfigError

_ROOT = 'wumai'
_LOGS = ('normal', 'access', 'db')
_SQL = 'sqlalchemy.engine'
_SHOWN_ACTION = 80
_ACCESS_LINE = '%s %s %d %d %.1fms'

_root = logging.getLogger(_ROOT)
_access = _root.getChild('access')

db = _root.getChild('db')
"""What concerns the database: connections lost, retries, the clock's offset."""

debug = _root.debug
info = _root.info
warning = _root.warning
warn = _root.warning
error = _root.error
exception = _root.exception
critical = _root.critical


def getChild(file: str) -> logging.Logger:  # noqa: N802 - the users' name, as in logging
    """The logger of a source file, named by its path below `CONF.app_root`, else by its name."""
    path, root = Path(file).resolve(), CONF.get('app_root')
    if root and path.is_relative_to(home := Path(root).resolve()):
        return _root.getChild(path.relative_to(home).as_posix())
    return _root.getChild(path.name)


def access(peer: str, action: str | None, code: int, http_status: int, milliseconds: float) -> None:
    """Write the line of one answered request."""
    shown = (action or '-')[:_SHOWN_ACTION]
    if shown.split() != [shown]:
        shown = repr(shown)
    values = peer, shown, code, http_status, milliseconds
    if not (_only_we_listen() and _router.write_access(_ACCESS_LINE % values)):
        _access.info(_ACCESS_LINE, *values)


def _only_we_listen() -> bool:
    """Whether a record of the access log would go to its file and to nobody else.

    A record's way through logging would cost as much as the JSON of a request and its answer.
    """
    return (
        _access.isEnabledFor(logging.INFO)
        and not (_access.handlers or _access.filters)
        and _access.propagate
        and _root.handlers == [_router]
        and not (_root.propagate and logging.root.handlers)
        and logging.getLogRecordFactory() is logging.LogRecord
        and _is_of_logging(type(_access).handle)
        and _is_of_logging(type(_access).callHandlers)
    )


def _is_of_logging(method: object) -> bool:
    """False for one of those that listen by replacing it, as Sentry does, before us or after."""
    return getattr(method, '__globals__', None) is vars(logging)


def setup(name: str, log_dir: str | os.PathLike[str], *, debug: bool = False) -> None:
    """Write the logs of the server `name` to its folder in `log_dir`; again is no harm.

    The first server set up also takes the lines that belong to none. With `debug`, standard error
    shows normal.log and access.log too; with it or `CONF.db_log`, db.log has each SQL statement.
    Raises ConfigError.
    """
    _use_native_locks()
    _router.add(name, _Folder(name, Path(log_dir), logging.DEBUG if debug else logging.INFO))
    if debug or CONF.db_log:
        _log_sql(True)


def flush() -> None:
    """Nothing is held back: each line is in its file when its call returns."""


def shutdown(name: str | None = None) -> None:
    """Close the logs of one server, or of all."""
    _router.remove(name)
    if not _router.folders:
        _log_sql(False)


def _use_native_locks() -> None:
    """Let logging itself be safe for the native thread of the heartbeat, once gevent has patched.

    Each look at a logger may take its one lock, and one of gevent's that two threads want at the
    same moment may never be handed on: whoever logs next waits for ever.
    """
    native = monkey.get_original('_thread', 'RLock')()
    if monkey.is_module_patched('threading') and type(vars(logging)['_lock']) is not type(native):
        vars(logging)['_lock'] = native


class _LineFormatter(logging.Formatter):
    """`[LOGGER NAME][level][time][contextId][logger] message`, and nobody can forge a line."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self._log = log

    def format(self, record: logging.LogRecord) -> str:
        line = self.line(record.created, record.levelname, record.name, record.getMessage())
        if record.exc_info:
            line += '\n' + _many_lines(mask_text(self.formatException(record.exc_info)))
        if record.stack_info:
            line += '\n' + _many_lines(mask_text(record.stack_info))
        return line

    def line(self, created: float, level: str, logger: str, message: str) -> str:
        """That of a record, without its traceback."""
        second = int(created)
        moment = f'{_shown_second(second)},{int((created - second) * 1000):03d}'
        context, name = _one_line(local.get_context_id()), _shown_name(logger)
        return (
            f'[{self._log}][{level}][{moment}][{context}][{name}] {_one_line(mask_text(message))}'
        )


_access_lines = _LineFormatter('access')


@lru_cache(maxsize=1)
def _shown_second(second: int) -> str:
    return time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(second))


# What ends a line or steers a terminal, and what UTF-8 cannot hold.
_CONTROL = re.compile('[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_CONTROL_IN_LINES = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def _one_line(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub(_escaped, text)


def _many_lines(text: str) -> str:
    """A traceback: its lines stay, but none begins like a line of the log."""
    return _CONTROL_IN_LINES.sub(_escaped, '\n' + text).replace('\n[', '\n [')[1:]


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode('unicode_escape').decode('ascii')


def _shown_name(name: str) -> str:
    if name in (_ROOT, _access.name, db.name):
        return 'root'
    return _one_line(name.removeprefix(_ROOT + '.'))


class _Folder:
    """The three files of one server."""

    def __init__(self, name: str, log_dir: Path, level: int) -> None:
        if name in ('', '..') or Path(name).name != name:
            raise ConfigError(f'{name!r} cannot name a server: it is to name a folder of logs too')
        # Its library would take a fifth of the time of `import wumai.server`.
        from wumai.common.log_file import LogFile

        self.path = log_dir.absolute() / name
        self.level = level
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.files = {
                log: LogFile(self.path / f'{log}.log', _LineFormatter(log)) for log in _LOGS
            }
        except OSError as error:
            raise ConfigError(f'log_dir {str(log_dir)!r} cannot be written: {error}') from None

    def close(self) -> None:
        for file in self.files.values():
            file.close()


class _Router(logging.Handler):
    """Brings each record to its file. Without folders it is no handler of anything."""

    def __init__(self) -> None:
        super().__init__()
        self.folders: dict[str, _Folder] = {}

    def add(self, name: str, folder: _Folder) -> None:
        before = self.folders.get(name)
        self.folders[name] = folder
        if before:
            before.close()
        _root.addHandler(self)
        self._set_level()

    def remove(self, name: str | None) -> None:
        names = list(self.folders) if name is None else [name]
        for folder in [self.folders.pop(name) for name in names if name in self.folders]:
            folder.close()
        if not self.folders:
            _root.removeHandler(self)
        self._set_level()

    def handle(self, record: logging.LogRecord) -> bool:
        # Without a lock: each file has its own.
        folder = self._folder()
        if folder and record.levelno >= folder.level:
            log = _log_of(record.name)
            folder.files[log].handle(record)
            if folder.level == logging.DEBUG and log != 'db':
                print(folder.files[log].format(record), file=sys.stderr, flush=True)
        return True

    def write_access(self, message: str) -> bool:
        """Write what `handle` would of a record; false if there is more to do than that."""
        folder = self._folder()
        if folder is None or folder.level == logging.DEBUG:
            return False
        now = time.time()  # noqa: TID251 - the host's own, as of logging's records
        line = _access_lines.line(now, logging.getLevelName(logging.INFO), _access.name, message)
        return folder.files['access'].write(now, line)

    def _folder(self) -> _Folder | None:
        return self.folders.get(local.get_server()) or next(iter(self.folders.values()), None)

    def _set_level(self) -> None:
        _root.setLevel(
            min((folder.level for folder in self.folders.values()), default=logging.NOTSET)
        )


def _log_of(logger: str) -> str:
    if logger == _access.name:
        return 'access'
    return 'db' if logger == db.name or logger.startswith(_SQL) else 'normal'


def _log_sql(on: bool) -> None:
    """Let db.log have the statements. An engine looks at the level when it connects."""
    statements = logging.getLogger(_SQL)
    if on:
        statements.addHandler(_router)
        statements.setLevel(logging.INFO)
    elif _router in statements.handlers:
        statements.removeHandler(_router)
        statements.setLevel(logging.NOTSET)


_router = _Router()
