"""What a connection to a server of the MySQL family needs beside its statements.

Several hosts, of which one is used until it fails; the waits that make a Galera cluster answer
as one server; and a peer that is gone without a word is noticed.
"""

import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext

from wumai.store import lost_peer

HOSTS = 'hosts'
"""The key in the URL's query under which several hosts are kept."""
PORT = 3306

# Not primary in its Galera cluster, read-only after a failover, shutting down, or killed.
_LEAVE_HOST = frozenset((1047, 1053, 1290, 1836, 1927))
_READ_ONLY, _NOT_READY = 1290, 1047
_EVERY_STATEMENT = 7
_TCP_OPTIONS = {
    'TCP_KEEPIDLE': lost_peer.KEEPALIVE_IDLE,
    'TCP_KEEPINTVL': lost_peer.KEEPALIVE_INTERVAL,
    'TCP_KEEPCNT': lost_peer.KEEPALIVE_COUNT,
    'TCP_USER_TIMEOUT': lost_peer.UNACKNOWLEDGED,
}


def take_hosts(url: URL) -> tuple[URL, list[tuple[str, int]]]:
    """The URL without its list of hosts, and that list; it is empty where there is one host."""
    listed = url.query.get(HOSTS)
    if not listed:
        return url, []
    text = listed if isinstance(listed, str) else ','.join(listed)
    return url.difference_update_query([HOSTS]), [_address(one) for one in text.split(',')]


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.strip().rpartition(':')
    return (host.strip('[]'), int(port)) if colon and port.isdigit() else (text.strip('[] '), PORT)


def prepare(
    engine: Engine, hosts: Sequence[tuple[str, int]], *, lock_wait: int | None = None
) -> None:
    """Have `engine` use these hosts. With `lock_wait`, in seconds, it is of the store alone, where
    each statement sees what the cluster has committed before it, on whichever host.
    """
    if hosts:
        known = _Hosts(hosts)
        event.listen(engine, 'do_connect', known.connect)
        event.listen(engine, 'invalidate', known.failed)
    event.listen(engine, 'handle_error', _leave_host)
    event.listen(engine, 'connect', _notice_lost_peer)
    if lock_wait is not None:
        # An outcome whose job another host does not yet show as ours would be taken for late.
        event.listen(engine, 'connect', _wait_for_cluster)
        event.listen(engine, 'connect', partial(_wait_for_locks, lock_wait))


class _Hosts:
    """Connects to the host that was good last, else to the next that takes writes."""

    def __init__(self, hosts: Sequence[tuple[str, int]]) -> None:
        self._hosts = list(hosts)
        self._current = 0

    def connect(
        self, dialect: Any, _record: Any, arguments: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        driver = dialect.loaded_dbapi
        problem: Exception | None = None
        for step in range(len(self._hosts)):
            index = (self._current + step) % len(self._hosts)
            host, port = self._hosts[index]
            try:
                connection = driver.connect(*arguments, **{**options, 'host': host, 'port': port})
                _check_serves(connection, driver)
            except (driver.Error, OSError) as error:
                problem = error
                continue
            self._current = index
            return connection
        assert problem is not None
        raise problem

    def failed(self, connection: Any, _record: Any, error: BaseException | None) -> None:
        """Go on to the next host: one that is about to be cut off still lets us connect, and then
        answers nothing.
        """
        address = getattr(connection, 'host', None), getattr(connection, 'port', None)
        if isinstance(error, Exception) and address == self._hosts[self._current]:
            self._current = (self._current + 1) % len(self._hosts)


def _check_serves(connection: Any, driver: Any) -> None:
    """Raise, and close, where the host would refuse to write."""
    try:
        with connection.cursor() as cursor:
            if _shown(cursor, 'GLOBAL VARIABLES', 'read_only') not in ('OFF', '0'):
                raise driver.OperationalError(_READ_ONLY, 'the host is read-only')
            clustered = _shown(cursor, 'GLOBAL VARIABLES', 'wsrep_on') == 'ON'
            # Such a host refuses what reads a table, and answers all else.
            if clustered and _shown(cursor, 'GLOBAL STATUS', 'wsrep_ready') != 'ON':
                raise driver.OperationalError(_NOT_READY, 'the host is cut off from its cluster')
    except BaseException:
        connection.close()
        raise


def _shown(cursor: Any, kind: str, name: str) -> str | None:
    """A variable of the server; None where it knows none of that name."""
    cursor.execute(f"SHOW {kind} LIKE '{name}'")
    found = cursor.fetchone()
    return str(found[1]).upper() if found else None


def _leave_host(context: ExceptionContext) -> None:
    """Throw the connections away: the next one may reach another host."""
    arguments = getattr(context.original_exception, 'args', ())
    if arguments and arguments[0] in _LEAVE_HOST:
        context.is_disconnect = True


def _notice_lost_peer(connection: Any, _record: Any) -> None:
    sock = getattr(connection, '_sock', None)
    if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
        for name, value in _TCP_OPTIONS.items():
            if option := getattr(socket, name, None):  # not every system has each
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _wait_for_cluster(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        if _shown(cursor, 'SESSION VARIABLES', 'wsrep_on') == 'ON':
            cursor.execute(f'SET SESSION wsrep_sync_wait = {_EVERY_STATEMENT}')


def _wait_for_locks(seconds: int, connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'SET SESSION innodb_lock_wait_timeout = {seconds}')
