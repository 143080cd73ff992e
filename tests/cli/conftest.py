"""A database with its tables, on SQLite and on MariaDB."""

from pathlib import Path

import pytest

from tests.cli.running import wumai


@pytest.fixture(params=['sqlite', 'mysql'])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with the tables of wumai."""
    if request.param == 'sqlite':
        url = f'sqlite:///{tmp_path}/wumai.db'
    else:
        url = request.getfixturevalue('mysql_database')
    wumai('init-db', '--database', url)
    return str(url)
