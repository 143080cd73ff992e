"""The part of `wumai check` that asks the database."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import TIMESTAMP, Connection, inspect, text

from wumai.cli.database import opened, translated
from wumai.cli.findings import Finding, failure, hint, note, ok
from wumai.cli.rehearsal import rehearsed
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.error import SchemaError
from wumai.runtime import Runtime
from wumai.store import schema
from wumai.store.columns import ColumnLimits

_EMOJI = '\N{SNOWMAN}\N{GRINNING FACE}'
_FAR = timedelta(minutes=1)
_VERSION = {
    'sqlite': 'SELECT sqlite_version()',
    'mysql': 'SELECT VERSION()',
    'mariadb': 'SELECT VERSION()',
    'postgresql': 'SHOW server_version',
}


def findings(config: Config, tables: Sequence[str]) -> Iterator[Finding]:
    """What the database says; a table of `tables` that is not as it is to be stops a server.

    Raises WumaiError if it does not answer.
    """
    with (
        opened(config) as runtime,
        translated(),
        runtime.store.engine.connect() as connection,
    ):
        yield _server(connection)
        yield _clock(runtime)
        yield _isolation(connection)
        usable = True
        for name in sorted(schema.metadata.tables):
            found = list(_table(connection, name, needed=name in tables))
            usable = usable and not any(one.level == 'failure' for one in found)
            yield from found
        if usable and 'job' in tables:
            yield from _job(connection, runtime)


def _server(connection: Connection) -> Finding:
    name = connection.dialect.name
    query = _VERSION.get(name)
    version = connection.execute(text(query)).scalar() if query else 'of an unknown version'
    known = '' if query else ': wumai was never tried on it'
    return (ok if query else hint)('server', f'{name} {version}{known}')


def _clock(runtime: Runtime) -> Finding:
    clock = runtime.clock
    assert isinstance(clock, SystemClock)
    if runtime.store.engine.dialect.name == 'sqlite':
        return ok('clock', 'that of this host')
    seconds = clock.offset.total_seconds()
    told = f'the database is {abs(seconds):.1f} s {"ahead of" if seconds > 0 else "behind"} us'
    if abs(clock.offset) > _FAR:
        return hint('clock', f'{told}: jobs run by its time; set up NTP on both hosts')
    return ok('clock', f'{told}; its time is the one that counts')


def _isolation(connection: Connection) -> Finding:
    if connection.dialect.name == 'sqlite':
        mode = connection.execute(text('PRAGMA journal_mode')).scalar()
        if mode != 'wal':
            return hint('isolation', f'journal mode {mode}: WAL would let readers go on')
        return ok('isolation', 'journal mode WAL: one writer at a time, readers go on')
    level = connection.get_isolation_level()
    if level != 'READ COMMITTED':
        return failure('isolation', f'{level}: wumai asks for READ COMMITTED and did not get it')
    return ok('isolation', level)


def _table(connection: Connection, name: str, *, needed: bool) -> Iterator[Finding]:
    subject = f'table {name}'
    if not needed and not inspect(connection).has_table(name):
        yield note(subject, f'is not there; {_USED_BY[name]}: `wumai init-db` makes it')
        return
    try:
        hints = schema.check(connection, [name])
    except SchemaError as error:
        yield (failure if needed else hint)(subject, str(error))
        return
    yield ok(subject, 'has all columns')
    yield from (hint(subject, one) for one in hints)


_USED_BY = {'job': 'workers and Job.create need it', 'operation': '@journalled needs it'}


def _job(connection: Connection, runtime: Runtime) -> Iterator[Finding]:
    mysql = connection.dialect.name in ('mysql', 'mariadb')
    engine = _engine(connection) if mysql else None
    if engine and engine.level == 'failure':
        yield engine  # and nothing is tried that could not be rolled back
        return
    yield from rehearsed(connection, runtime)
    if connection.dialect.name == 'sqlite':
        return
    limits = runtime.store.limits
    if limits.skips_locked(connection):
        yield ok('claims', 'SKIP LOCKED: workers do not wait for each other')
    else:
        yield hint('claims', 'the server knows no SKIP LOCKED: workers wait for each other')
    if engine:
        yield engine
        yield _charset(limits)
        yield from _local_times(connection)


def _engine(connection: Connection) -> Finding:
    engine = connection.execute(
        text(
            'SELECT engine FROM information_schema.tables '
            "WHERE table_schema = DATABASE() AND table_name = 'job'"
        )
    ).scalar()
    if engine == 'InnoDB':
        return ok('engine', engine)
    return failure('engine', f'{engine} has no transactions: ALTER TABLE job ENGINE=InnoDB')


def _charset(limits: ColumnLimits) -> Finding:
    columns = ('error', 'result', 'params')
    narrow = ', '.join(name for name in columns if limits.fitting(name, _EMOJI) != _EMOJI)
    if not narrow:
        return ok('charset', 'utf8mb4')
    change = 'ALTER TABLE job CONVERT TO CHARACTER SET utf8mb4'
    return hint('charset', f'{narrow} cannot hold emoji, which are replaced: {change}')


def _local_times(connection: Connection) -> Iterator[Finding]:
    """TIMESTAMP columns, which the server converts by the time zone of the session."""
    zone = connection.execute(
        text("SELECT IF(@@time_zone = 'SYSTEM', @@system_time_zone, @@time_zone)")
    ).scalar()
    columns = inspect(connection).get_columns('job')
    names = ', '.join(one['name'] for one in columns if isinstance(one['type'], TIMESTAMP))
    if names and zone not in ('UTC', '+00:00'):
        yield hint(
            'time zone',
            f'{names} is TIMESTAMP and time_zone {zone}: sessions of another zone read other '
            "times, and it ends in 2038; SET GLOBAL time_zone = '+00:00', or MODIFY it to DATETIME",
        )
