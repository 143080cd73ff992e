"""The database of a command: what `--database` says, else the settings and the environment."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import URL

from wumai.bootstrap import runtime_from
from wumai.common.secrets import mask_text
from wumai.config import CONF, Config
from wumai.error import WumaiError
from wumai.runtime import Runtime
from wumai.store.db_errors import TRANSLATED, Unavailable, translate
from wumai.store.engine import database_url

option = click.option(
    '--database',
    metavar='URL',
    help='The database, such as sqlite:////var/lib/app/wumai.db; by default that of DB_URL, or '
    'of DB_HOST, DB_USER, DB_PASSWORD and DB_DATABASE, in the environment.',
)


def settings(database: str | None) -> Config:
    """The settings of the process, with `database` as DB_URL."""
    config = Config()
    config.apply(**vars(CONF))
    if database:
        config.apply(DB_URL=database)
    return config


@contextmanager
def opened(config: Config, *, create: bool = False) -> Iterator[Runtime]:
    """A runtime whose database answers. Raises WumaiError where it does not.

    An SQLite file that is not there is made with `create` only.
    """
    url = database_url(config)
    if not create:
        _check_file(url)
    # What is told to nobody else would go to the terminal, such as that a channel is off.
    logging.getLogger('wumai').addHandler(logging.NullHandler())
    runtime = runtime_from(config)
    try:
        with translated():
            runtime.store.ping()
            yield runtime
    except Unavailable as error:
        raise WumaiError(f'{shown(url)} does not answer: {error}') from None
    finally:
        runtime.store.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of drivers into StoreErrors."""
    try:
        yield
    except TRANSLATED as error:
        raise translate(error) from error


def shown(url: URL) -> str:
    """The URL without its password."""
    return mask_text(url.render_as_string(hide_password=True))


def _check_file(url: URL) -> None:
    path = url.database or ''
    if url.get_backend_name() != 'sqlite' or path.startswith('file:'):
        return
    if not Path(path).is_file():
        raise WumaiError(f'there is no database file {path}: `wumai init-db` makes it')


@contextmanager
def opened_with_jobs(database: str | None) -> Iterator[Runtime]:
    """As `opened`, and its table `job` is as it is to be. Raises WumaiError."""
    with opened(settings(database)) as runtime:
        runtime.store.problems(['job'])
        yield runtime
