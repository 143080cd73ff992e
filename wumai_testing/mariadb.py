"""A private MariaDB server: its own data, its own port, and faults such as a real one meets.

It waits natively, never through gevent, so that it works beside any hub and in virtual time.
"""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymysql
from gevent import monkey

from wumai.error import WumaiError

_sleep: Any = monkey.get_original('time', 'sleep')
_socket: Any = monkey.get_original('socket', 'socket')
_waitpid: Any = monkey.get_original('os', 'waitpid')

_STEP = 0.02
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_SBIN = '/usr/sbin:/usr/local/sbin:/usr/local/bin'
_OPTIONS = (
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--skip-log-bin',
    '--performance-schema=off',
    '--innodb-flush-log-at-trx-commit=1',
    '--innodb-buffer-pool-size=32M',
    '--innodb-log-file-size=16M',
    '--key-buffer-size=1M',
    '--aria-pagecache-buffer-size=1M',
    '--max-connections=300',
    # While it is down, a client of anyone may be given its port.
    '--port-open-timeout=30',
    '--character-set-server=utf8mb4',
)


class MariaDBError(WumaiError):
    """The server could not be made, started or stopped; the text has the end of its log."""


class MariaDB:
    """A server of one's own. Made on the first `start`; `close` takes everything away.

    Use it as a context manager, or call `start` and `close`.
    """

    def __init__(self, options: Sequence[str] = ()) -> None:
        self.port = 0
        """On 127.0.0.1; known after the first start, and kept from then on."""
        self._options = tuple(options)
        self._folder: Path | None = None
        self._pid: int | None = None
        self._failed = False
        """Whether the last child ended with an error."""

    @staticmethod
    def available() -> bool:
        """Whether this machine has the programs."""
        return bool(_program('mariadbd', 'mysqld') and _program('mariadb-install-db'))

    @property
    def url(self) -> str:
        """The server as an SQLAlchemy URL, without a database."""
        return self.database_url('')

    def database_url(self, name: str) -> str:
        """The database `name` as an SQLAlchemy URL."""
        # PyMySQL prepares for TLS at each connect, which takes longer than all else.
        return f'mysql+pymysql://root@127.0.0.1:{self.port}/{name}?ssl_disabled=true'

    @property
    def pid(self) -> int | None:
        """The process, while one runs."""
        return self._pid if self._runs() else None

    def start(self) -> Self:
        """Start and wait until it answers. Raises MariaDBError."""
        if self._runs():
            return self
        folder = self._prepared()
        self.port = self.port or _free_port()
        self._pid = _spawn(self._command(folder), folder / 'output.log')
        self._await_answer()
        return self

    def stop(self) -> None:
        """End it in good order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, but for what the kernel had taken (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        """Stop it and start it again on the same port and data."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """Let it stand still: connections stay open and are not answered (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def execute(self, statement: str, database: str | None = None) -> tuple[tuple[Any, ...], ...]:
        """Run one statement as root and return its rows."""
        connection = pymysql.connect(
            host='127.0.0.1', port=self.port, user='root', database=database, autocommit=True
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return tuple(cursor.fetchall())

    def close(self) -> None:
        """End it, whatever state it is in, and remove its data."""
        if self._runs():
            self._end(signal.SIGKILL)
        if self._folder:
            atexit.unregister(self.close)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepared(self) -> Path:
        """The folder with its data, made when first asked for."""
        if self._folder:
            return self._folder
        installer = _program('mariadb-install-db')
        if not installer or not self.available():
            raise MariaDBError('MariaDB is not installed: apt-get install mariadb-server')
        # A short path: a socket's may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix='wumai-mariadb-'))
        atexit.register(self.close)
        self._pid = _spawn(
            [installer, *_install_options(self._folder)], self._folder / 'output.log'
        )
        self._await_end(_START_SECONDS)
        if self._failed or not (self._folder / 'data' / 'mysql').is_dir():
            log = self._log()
            self.close()
            raise MariaDBError(f'mariadb-install-db failed:\n{log}')
        return self._folder

    def _command(self, folder: Path) -> list[str]:
        server = _program('mariadbd', 'mysqld')
        assert server
        return [
            server,
            '--no-defaults',
            *_as_user(),
            f'--datadir={folder / "data"}',
            # A server removes what others have in its tmpdir when it starts.
            f'--tmpdir={folder}',
            f'--socket={folder / "socket"}',
            f'--pid-file={folder / "pid"}',
            f'--log-error={folder / "error.log"}',
            f'--port={self.port}',
            *_OPTIONS,
            *self._options,
        ]

    def _await_answer(self) -> None:
        for _ in range(int(_START_SECONDS / _STEP)):
            if not self._runs():
                break
            if _greets(self.port):
                return
            _sleep(_STEP)
        self._end(signal.SIGKILL)
        raise MariaDBError(f'MariaDB did not start on port {self.port}:\n{self._log()}')

    def _end(self, number: signal.Signals) -> None:
        if self._runs():
            # A frozen one would never see the other. One call: the first may end it at once.
            self._signal(number, signal.SIGCONT)
            self._await_end(_STOP_SECONDS)

    def _await_end(self, seconds: float) -> None:
        for _ in range(int(seconds / _STEP)):
            if not self._runs():
                return
            _sleep(_STEP)
        raise MariaDBError(f'MariaDB (pid {self._pid}) does not end:\n{self._log()}')

    def _signal(self, *numbers: signal.Signals) -> None:
        if self._pid is None or not self._runs():
            raise MariaDBError('MariaDB does not run')
        with suppress(ProcessLookupError):  # ended, and libev has asked before us
            for number in numbers:
                os.kill(self._pid, number)

    def _runs(self) -> bool:
        """Whether our child lives; its pid is ours until we have asked."""
        if self._pid is None:
            return False
        try:
            ended, status = _waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:  # libev has asked before us, and we hear no more of it
            ended, status = self._pid, 0
        if ended:
            self._pid, self._failed = None, status != 0
        return not ended

    def _log(self) -> str:
        names = ('output.log', 'error.log')
        files = [self._folder / name for name in names] if self._folder else []
        return ''.join(file.read_text(errors='replace')[-3000:] for file in files if file.exists())


def _program(*names: str) -> str | None:
    path = os.pathsep.join((os.environ.get('PATH', ''), _SBIN))
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _install_options(folder: Path) -> list[str]:
    return [
        '--no-defaults',
        *_as_user(),
        f'--datadir={folder / "data"}',
        f'--tmpdir={folder}',
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--innodb-log-file-size=16M',
    ]


def _spawn(command: list[str], output: Path) -> int:
    # Not subprocess, which is gevent's once it has patched, and needs its real loop.
    return os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,  # a Ctrl-C in the terminal is for the tests, not for the server
    )


def _as_user() -> list[str]:
    """MariaDB runs as root only where it is told so."""
    return ['--user=root'] if os.geteuid() == 0 else []


def _free_port() -> int:
    with _socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def _greets(port: int) -> bool:
    """Whether a server speaks first on `port`, as MySQL's do."""
    with _socket() as client:
        client.settimeout(1)
        try:
            client.connect(('127.0.0.1', port))
            return len(client.recv(1)) == 1
        except OSError:
            return False
