"""What a server says of itself, as far as SQLAlchemy and wumai ask."""

import re
from collections.abc import Callable
from typing import Any

from wumai_testing.explore.mysql.columns import TEXT_BYTES, ColumnSpec
from wumai_testing.explore.mysql.engine import Result
from wumai_testing.explore.mysql.errors import unknown
from wumai_testing.explore.mysql.server import Server

VERSION = '10.11.14-MariaDB'
DATABASE = 'emulated'


def described(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Result:
    return Result(len(rows), rows, [(name, *(None,) * 6) for name in names])


def answer(server: Server, text: str) -> Result | None:
    """The answer to a question about the server; None where `text` is about rows."""
    for pattern, reply in _REPLIES:
        if found := pattern.match(text):
            return reply(server, found)
    return None


def _variables(server: Server, found: re.Match[str]) -> Result:
    names = [name.strip().removeprefix('@@') for name in found[1].split(',')]
    names = [name.split('.')[-1].split()[0] for name in names]
    return described(tuple(names), [tuple(_variable(server, name) for name in names)])


def _variable(server: Server, name: str) -> Any:
    return {
        'sql_mode': 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
        'max_allowed_packet': server.packet,
        'innodb_lock_wait_timeout': server.lock_wait,
        'lower_case_table_names': 0,
        'tx_isolation': 'READ-COMMITTED',
        'transaction_isolation': 'READ-COMMITTED',
        'version': VERSION,
        'character_set_database': 'utf8mb4',
        'collation_database': 'utf8mb4_general_ci',
        'time_zone': 'SYSTEM',
        'wsrep_on': 0,
        'read_only': 0,
    }.get(name.lower(), 0)


def _create_table(server: Server, found: re.Match[str]) -> Result:
    table = server.table(found[1])
    return described(('Table', 'Create Table'), [(table.name, table.ddl())])


def _describe(server: Server, found: re.Match[str]) -> Result:
    columns = server.table(found[1]).columns
    rows = [(c.name, c.mysql, 'YES' if c.nullable else 'NO', '', None, '') for c in columns]
    return described(('Field', 'Type', 'Null', 'Key', 'Default', 'Extra'), rows)


def _information(server: Server, found: re.Match[str]) -> Result:
    """information_schema.columns of one table: the names that are asked for, of all columns."""
    asked = tuple(name.strip().lower() for name in found[1].split(','))
    table = server.table(found[2])
    rows = [tuple(_fact(column, table.charset, name) for name in asked) for column in table.columns]
    return described(asked, rows)


def _fact(column: ColumnSpec, charset: str, name: str) -> Any:
    size = re.match(r'varchar\((\d+)\)', column.mysql)
    is_text = size is not None or column.mysql == 'text'
    match name:
        case 'column_name':
            return column.name
        case 'character_maximum_length':
            return (int(size[1]) if size else TEXT_BYTES) if is_text else None
        case 'character_set_name':
            return charset if is_text else None
    raise unknown(f'information_schema.columns.{name}')


def _tables(server: Server, _: re.Match[str]) -> Result:
    return described(('Tables', 'Table_type'), [(name, 'BASE TABLE') for name in server.tables])


def _nothing(_server: Server, _found: re.Match[str]) -> Result:
    return Result(0)


def _one(name: str, value: Callable[[Server], Any]) -> Callable[[Server, re.Match[str]], Result]:
    return lambda server, _: described((name,), [(value(server),)])


def _p(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_REPLIES: list[tuple[re.Pattern[str], Callable[[Server, re.Match[str]], Result]]] = [
    (_p(r'SELECT\s+UTC_TIMESTAMP'), _one('now', lambda server: server.now())),
    (_p(r'SELECT\s+VERSION\(\)'), _one('version', lambda _: VERSION)),
    (_p(r'SELECT\s+DATABASE\(\)'), _one('database', lambda _: DATABASE)),
    (_p(r'SELECT\s+(@@[\w@.,\s]+)$'), _variables),
    (_p(r'SHOW\s+CREATE\s+TABLE\s+(?:`\w+`\.)?`?(\w+)`?'), _create_table),
    (_p(r'(?:DESCRIBE|DESC)\s+(?:`\w+`\.)?`?(\w+)`?'), _describe),
    (
        _p(
            r'SELECT\s+([\w\s,]+?)\s+FROM\s+information_schema\.columns\s+WHERE\s+'
            r"table_schema\s*=\s*DATABASE\(\)\s+AND\s+table_name\s*=\s*'(\w+)'$"
        ),
        _information,
    ),
    (_p(r'SHOW\s+(?:FULL\s+)?TABLES'), _tables),
    (
        _p(r'SHOW\s+(?:SESSION\s+|GLOBAL\s+)?VARIABLES'),
        lambda _server, _found: described(('Variable_name', 'Value'), []),
    ),
    (_p(r'SHOW\s+(?:WARNINGS|STATUS)'), lambda _server, _found: described(('a', 'b'), [])),
    (_p(r'SET\s+(?:SESSION|NAMES|@@|wsrep|\w+\s*=)'), _nothing),
]
