"""`wumai schema` and `wumai init-db`: the tables, as text and in the database."""

from collections.abc import Iterator

import click
from sqlalchemy import Connection, Table, inspect
from sqlalchemy.engine import Inspector

from wumai.cli.database import opened, option, settings, shown, translated
from wumai.cli.group import Failure
from wumai.config import CONF
from wumai.error import ConfigError
from wumai.store import schema as tables
from wumai.store.engine import database_url

_DIALECTS = ('mysql', 'postgresql', 'sqlite')


@click.command()
@click.option('--dialect', type=click.Choice(_DIALECTS), help='By default that of the database.')
def schema(dialect: str | None) -> None:
    """Print the DDL of the tables that wumai needs: job, and operation for the journal.

    \b
    Example:
      wumai schema --dialect mysql | mysql mydatabase
    """
    click.echo(tables.ddl(dialect or _configured_dialect()), nl=False)


def _configured_dialect() -> str:
    try:
        name = database_url(CONF).get_backend_name()
    except ConfigError:
        return 'mysql'
    return name if name in _DIALECTS else 'mysql'


@click.command('init-db')
@option
def init_db(database: str | None) -> None:
    """Make the tables that are missing. Nothing is ever dropped or altered: for a table that
    lacks columns or the index, the statements to run are printed.

    \b
    Example:
      wumai init-db
      wumai init-db --database sqlite:////var/lib/app/wumai.db
    """
    config = settings(database)
    click.echo(f'database {shown(database_url(config))}')
    with (
        opened(config, create=True) as runtime,
        translated(),
        runtime.store.engine.begin() as connection,
    ):
        lacking = [problem for line in made(connection) for problem in _tell(line)]
    if lacking:
        raise Failure(f'not ready: {", ".join(lacking)} missing; run the ALTER TABLE above')


def made(connection: Connection) -> Iterator[tuple[str, list[str], list[str]]]:
    """Make each table that is missing: what was found, the statements that a human is to run,
    and the columns that are missing.
    """
    inspector = inspect(connection)
    for table in tables.metadata.sorted_tables:
        if not inspector.has_table(table.name):
            table.create(connection, checkfirst=True)
            yield f'table {table.name}: made', [], []
        elif lacking := lacking_columns(inspector, table):
            names = [f'{table.name}.{name}' for name in lacking]
            yield f'table {table.name}: lacks columns', _alter(connection, table, lacking), names
        else:
            yield f'table {table.name}: is there', _hints(connection, table), []


def _tell(line: tuple[str, list[str], list[str]]) -> list[str]:
    found, statements, lacking = line
    click.echo('\n  '.join([found, *statements]))
    return lacking


def lacking_columns(inspector: Inspector, table: Table) -> list[str]:
    """The columns that the database's table lacks."""
    present = {column['name'].lower() for column in inspector.get_columns(table.name)}
    return [column.name for column in table.columns if column.name not in present]


def _alter(connection: Connection, table: Table, columns: list[str]) -> list[str]:
    return [
        f'ALTER TABLE {table.name} ADD COLUMN {name} '
        f'{table.c[name].type.compile(connection.dialect)};'
        for name in columns
    ]


def _hints(connection: Connection, table: Table) -> list[str]:
    return [f'{hint};' for hint in tables.check(connection, [table.name])]
