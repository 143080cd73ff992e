"""The tables `job` and `operation`, their DDL, and the check of those that are there."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import inspect as inspect_database
from sqlalchemy.engine import Connection, create_mock_engine
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from wumai.error import SchemaError
from wumai.store.fitness import ID_LENGTH, misfits


class _TextTime(UserDefinedType[str]):
    """A DATETIME column of SQLite, which holds what it is given."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return 'DATETIME'


class UtcSeconds(TypeDecorator[datetime]):
    """Naive UTC in whole seconds. What cannot be read as a time comes back as it is stored.

    On SQLite it is text in the one form `YYYY-MM-DD HH:MM:SS`, so that text compares as time.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_TextTime() if dialect.name == 'sqlite' else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        # Here and not by the server, which would round half a second up.
        seconds = value.replace(microsecond=0)
        return str(seconds) if dialect.name == 'sqlite' else seconds

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return value if value is None or isinstance(value, datetime) else parse_time(value)


def parse_time(value: Any) -> Any:
    """A stored time as naive UTC: text in ISO 8601, or a number of Unix seconds; else `value`."""
    try:
        if value.__class__ is str:
            moment = datetime.fromisoformat(value)
        else:
            moment = datetime.fromtimestamp(value, UTC)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, TypeError, OverflowError, OSError):
        return value


metadata = MetaData()

job = Table(
    'job',
    metadata,
    Column('id', String(ID_LENGTH), primary_key=True),
    Column('project_id', String(32)),
    Column('action', String(50), nullable=False),
    Column('status', String(10), nullable=False),
    Column('error', Text),
    Column('result', Text),
    Column('params', Text),
    Column('updated', UtcSeconds),
    Column('created', UtcSeconds),
    Column('run_at', UtcSeconds),
    Column('try_period', Integer),
    Column('try_max', Integer),
    Column('trys', Integer),
    Index('job_status_run_at', 'status', 'run_at'),
)

operation = Table(
    'operation',
    metadata,
    Column('id', String(32), primary_key=True),
    Column('project_id', String(32)),
    Column('access_key', String(64)),
    Column('action', String(50), nullable=False),
    Column('params', Text),
    Column('ret_code', Integer),
    Column('resource_type', String(50)),
    Column('resource_ids', Text),
    Column('ret_message', Text),
    Column('updated', UtcSeconds),
    Column('created', UtcSeconds),
    Index('operation_project_id_created', 'project_id', 'created'),
)


def ddl(dialect: str) -> str:
    """The statements that make the tables, for `mysql`, `postgresql` or `sqlite`."""
    statements: list[str] = []
    drivers = {'mysql': 'mysql+pymysql', 'postgresql': 'postgresql+psycopg', 'sqlite': 'sqlite'}

    def collect(statement: Any, *_: Any, **__: Any) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)).strip() + ';')

    engine = create_mock_engine(drivers[dialect] + '://', collect)
    metadata.create_all(engine, checkfirst=False)
    return '\n\n'.join(statements) + '\n'


def check(connection: Connection, tables: Iterable[str]) -> list[str]:
    """Raise SchemaError for what stops a server; return what only slows it down."""
    inspector = inspect_database(connection)
    missing: list[str] = []
    hints: list[str] = []
    for name in tables:
        if not inspector.has_table(name):
            missing.append(f'table {name}')
            continue
        present = {column['name'].lower() for column in inspector.get_columns(name)}
        wanted = metadata.tables[name]
        missing += [f'{name}.{c.name}' for c in wanted.columns if c.name not in present]
    if missing:
        raise SchemaError(
            f'the database lacks {", ".join(missing)}: '
            '`wumai schema` prints the DDL, `wumai init-db` makes what is missing'
        )
    if 'job' not in tables:
        return hints
    if unfit := misfits(inspector.get_columns('job'), connection.dialect):
        raise SchemaError(
            f'table job would lose jobs: {"; ".join(unfit)}: change it by ALTER TABLE'
        )
    if not _has_claim_index(inspector.get_indexes('job')):
        hints.append(
            'table job has no index on (status, run_at), so each claim reads the whole table: '
            'CREATE INDEX job_status_run_at ON job (status, run_at)'
        )
    return hints


def _has_claim_index(indexes: Iterable[Any]) -> bool:
    return any(
        [str(name).lower() for name in index['column_names'][:2]] == ['status', 'run_at']
        for index in indexes
    )
