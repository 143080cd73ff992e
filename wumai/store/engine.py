"""Engines: an SQLAlchemy URL and what each kind of database needs to serve wumai well."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError, NoSuchModuleError

from wumai.clock import Clock
from wumai.config import Config
from wumai.error import ConfigError, describe
from wumai.store import mysql, pooling, sqlite

CONNECT_TIMEOUT = 5
"""Seconds that a connect may take."""
LOCK_WAIT = 1
"""Seconds that a worker waits for a row that another transaction has locked: the outcomes of other
jobs wait with it.
"""
OFFSET_AGE = 60.0
"""Seconds after which the offset to the database's clock is asked again."""

_DEFAULT_DRIVERS = {
    'mysql': 'mysql+pymysql',
    'mariadb': 'mariadb+pymysql',
    'postgresql': 'postgresql+psycopg',
}
_DATABASE_OPTIONS = frozenset(('database', 'db', 'read_default_file'))
"""Of PyMySQL, in the URL's query: they may name the database instead."""
_NOW = {
    'mysql': 'SELECT UTC_TIMESTAMP(6)',
    'mariadb': 'SELECT UTC_TIMESTAMP(6)',
    'postgresql': "SELECT timezone('utc', clock_timestamp())",
}


@dataclass(frozen=True)
class Role:
    """How one set of connections is used."""

    name: str
    pool_size: int = 10
    overflow: int = 40
    pre_ping: bool = True
    """Whether a connection that was idle is asked before it is used again."""
    statement_timeout: float | None = None
    """Seconds after which an answer is no longer waited for; None leaves it to the URL."""

    def within(self, seconds: float) -> 'Role':
        """The same, but no answer is waited for longer than `seconds`."""
        return replace(self, statement_timeout=min(seconds, self.statement_timeout or seconds))


ROLES = {
    role.name: role
    for role in (
        Role('app'),
        # The worker retries what fails, so it does not ask before each use.
        Role('worker', pool_size=4, overflow=4, pre_ping=False, statement_timeout=30),
        Role('wire', pool_size=1, overflow=1, statement_timeout=5),
        Role('health', pool_size=1, overflow=0, pre_ping=False, statement_timeout=3),
        Role('heartbeat', pool_size=1, overflow=0, pre_ping=False, statement_timeout=5),
    )
}


def database_url(conf: Config) -> URL:
    """The URL that the settings ask for: DB_URL, else DB_HOST and its kin. Raises ConfigError."""
    if text := conf.get('DB_URL'):
        url = server_url(text)
        if url.get_backend_name() in ('mysql', 'mariadb') and not _names_database(url):
            raise ConfigError(
                'DB_URL names no database: end it in one, as in mysql://user@host/shop'
            )
        return url
    missing = [name for name in ('DB_HOST', 'DB_USER', 'DB_DATABASE') if not conf.get(name)]
    if missing:
        raise ConfigError(
            f'no database is set: {", ".join(missing)} missing. Set DB_URL, such as '
            'mysql+pymysql://user:password@host/database or sqlite:////var/lib/app/wumai.db, '
            'or DB_HOST, DB_USER, DB_PASSWORD and DB_DATABASE in the environment'
        )
    host, colon, port = str(conf.get('DB_HOST')).partition(':')
    if colon and port.isdigit():  # an IPv6 address has more colons
        raise ConfigError(f'DB_HOST has a port: set DB_HOST={host} and DB_PORT={port}')
    return URL.create(
        'mysql+pymysql',
        username=conf.get('DB_USER'),
        password=conf.get('DB_PASSWORD'),
        host=conf.get('DB_HOST'),
        port=conf.number('DB_PORT', 3306),
        database=conf.get('DB_DATABASE'),
    )


def server_url(text: str) -> URL:
    """What DB_URL says, of a database or only of its server. Raises ConfigError."""
    try:
        url = _parsed(text)
    except Exception:
        # The text may hold a password: it is not repeated.
        raise ConfigError(
            'DB_URL is no SQLAlchemy URL, such as mysql+pymysql://user@host/db'
        ) from None
    if '@' in (url.host or ''):  # a part of a password, which is not to be told as a host
        raise ConfigError('DB_URL has an @ in its password: write it as %40, and a / as %2F')
    url = url.set(drivername=_DEFAULT_DRIVERS.get(url.drivername, url.drivername))
    if _driver(url) == 'mysqldb':
        raise ConfigError(
            'DB_URL names MySQLdb, a C library that blocks every greenlet while it waits: '
            'use mysql+pymysql://'
        )
    if url.get_backend_name() == 'sqlite' and url.database in (None, '', ':memory:'):
        raise ConfigError(
            'DB_URL names an SQLite database in memory, which each connection has to itself: '
            'use a file, such as sqlite:////var/lib/app/wumai.db'
        )
    return url


def _names_database(url: URL) -> bool:
    return bool(url.database) or not _DATABASE_OPTIONS.isdisjoint(url.query)


def _driver(url: URL) -> str:
    try:
        return url.get_driver_name()
    except NoSuchModuleError as error:
        raise _no_driver(url, error) from None


def _no_driver(url: URL, error: Exception) -> ConfigError:
    return ConfigError(f'no driver for {url.drivername}: {error}')


def _parsed(text: str) -> URL:
    """The URL; several hosts, `//user@one:3306,two:3306/db`, become part of its query."""
    match = re.fullmatch(r'([^:/]+://(?:[^/]*@)?)([^/?@]*,[^/?@]*)(.*)', text, re.DOTALL)
    if not match:
        return make_url(text)
    hosts = [host.strip() for host in match[2].split(',') if host.strip()]
    url = make_url(match[1] + hosts[0] + match[3])
    if url.get_backend_name() == 'postgresql':  # which knows how to use several
        ports = [host if ':' in host else f'{host}:5432' for host in hosts]
        return url._replace(host=None, port=None).update_query_dict({'host': ports})
    return url.update_query_dict({mysql.HOSTS: ','.join(hosts)})


def make_engine(url: URL, role: Role, clock: Clock, **options: Any) -> Engine:
    """An engine for `role`; `options` go to SQLAlchemy's create_engine. Raises ConfigError."""
    family = url.get_backend_name()
    url, hosts = mysql.take_hosts(url)
    settings: dict[str, Any] = {
        'pool_size': role.pool_size,
        'max_overflow': role.overflow,
        'pool_recycle': 1800,
        # What a statement was given may be a secret; its errors reach logs and the column error.
        'hide_parameters': True,
        # The store ends each transaction itself; one more ROLLBACK would be a round trip.
        'pool_reset_on_return': pooling.reset_on_return(url, shared=role.name == 'app'),
    }
    pings = options.pop('pings', role.pre_ping and family != 'sqlite')
    if family == 'sqlite':
        settings['connect_args'] = sqlite.CONNECT_ARGS
        settings['execution_options'] = sqlite.options(pings=pings)
    else:
        settings['isolation_level'] = 'READ COMMITTED'
        settings['connect_args'] = _connect_args(url, role) | pooling.connect_args(url)
    try:
        engine = create_engine(url, **{**settings, **options})
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise _no_driver(url, error) from None
    except ValueError as error:
        raise ConfigError(f'an option in DB_URL is wrong: {error}') from None
    _check_options(engine, url)
    if family == 'sqlite':
        sqlite.prepare(engine)
    if family in ('mysql', 'mariadb'):
        mysql.prepare(engine, hosts, lock_wait=None if role.name == 'app' else LOCK_WAIT)
    if engine.dialect.driver == 'psycopg':
        from wumai.store import postgresql  # its driver is an extra

        postgresql.prepare(engine, clock, role.statement_timeout)
    if family in _NOW:
        _watch_offset(engine, _NOW[family], clock)
    pooling.prepare(engine, clock, shared=role.name == 'app', pings=pings)
    return engine


def _check_options(engine: Engine, url: URL) -> None:
    """Raise ConfigError for options in the URL with which the driver could not try to connect."""
    name = engine.dialect.driver
    if name not in _TRIALS or not url.query:  # a trial of PyMySQL reads certificates, 17 ms
        return
    arguments, options = engine.dialect.create_connect_args(url)
    try:
        _TRIALS[name](engine.dialect.loaded_dbapi, *arguments, **options)
    except Exception as error:
        raise ConfigError(f'{name} refuses an option in DB_URL: {describe(error)}') from None


def _try_pymysql(pymysql: Any, *arguments: Any, **options: Any) -> None:
    pymysql.connect(*arguments, **options, defer_connect=True)


def _try_psycopg(psycopg: Any, **options: Any) -> None:
    its_own = inspect.signature(psycopg.connect).parameters  # the rest is for libpq
    of_libpq = {name: value for name, value in options.items() if name not in its_own}
    psycopg.conninfo.make_conninfo(**of_libpq)


_TRIALS: dict[str, Callable[..., None]] = {
    pooling.PYMYSQL: _try_pymysql,
    'psycopg': _try_psycopg,
}


def _connect_args(url: URL, role: Role) -> dict[str, Any]:
    family = url.get_backend_name()
    patience = role.statement_timeout or CONNECT_TIMEOUT
    args: dict[str, Any] = {'connect_timeout': min(patience, CONNECT_TIMEOUT)}
    if role.statement_timeout and family in ('mysql', 'mariadb'):
        args |= {
            'read_timeout': role.statement_timeout,
            'write_timeout': role.statement_timeout,
        }
    elif role.statement_timeout and family == 'postgresql':
        args['connect_timeout'] = max(2, int(args['connect_timeout']))  # libpq takes no fraction
        # Each shorter than what comes next: a lock that another holds, a server that is slow, and
        # one that is lost.
        lock = min(LOCK_WAIT, patience * 2 / 3)
        limits = {'lock_timeout': lock, 'statement_timeout': patience * 5 / 6}
        ours = [f'-c {name}={round(s * 1000)}' for name, s in limits.items()]
        asked = url.normalized_query.get('options', ())  # such as the schema of the tables
        args['options'] = ' '.join([*ours, *asked])
    return args


def _watch_offset(engine: Engine, query: str, clock: Clock) -> None:
    """Ask the server's time at each connect, and when the last answer has grown old."""
    asked_at: float | None = None

    def ask(connection: Any) -> None:
        nonlocal asked_at
        before = clock.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(query)
            (now,) = cursor.fetchone()
        asked_at = clock.monotonic()
        clock.observe(_as_datetime(now), before, asked_at)

    def on_connect(connection: Any, _record: Any) -> None:
        ask(connection)
        connection.rollback()

    def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        if asked_at is None or clock.monotonic() - asked_at < OFFSET_AGE:
            return
        try:
            ask(connection)
            connection.rollback()
        except Exception as error:
            raise DisconnectionError(str(error)) from error  # the pool tries another connection

    event.listen(engine, 'connect', on_connect)
    event.listen(engine, 'checkout', on_checkout)


def _as_datetime(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
