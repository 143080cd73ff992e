"""The command `wumai`. A subcommand is imported when it is used, so that help comes at once."""

import os

import click

from wumai import __version__
from wumai.cli.group import LazyGroup

_COMMANDS = {
    'demo': ('wumai.cli.demo:demo', 'Show in seconds how jobs run, fail, are retried and end.'),
    'api': ('wumai.cli.servers:api', 'Serve the API of an app.'),
    'worker': ('wumai.cli.servers:worker', 'Run the jobs of an app.'),
    'jobs': ('wumai.cli.jobs:jobs', 'List, show, retry, cancel and prune jobs.'),
    'check': ('wumai.cli.check:check', 'Tell what is right, and what to do about the rest.'),
    'schema': ('wumai.cli.schema:schema', 'Print the DDL of the tables.'),
    'init-db': ('wumai.cli.schema:init_db', 'Make the tables that are missing.'),
}
_PLUGINS = {
    'scenario': 'Run scenario files in virtual time.',
    'simulate': 'Run an app under made-up faults, and check that its jobs survive.',
}


@click.group(
    'wumai',
    cls=LazyGroup,
    commands_of_ours=_COMMANDS,
    summaries=_PLUGINS,
    context_settings={'help_option_names': ['-h', '--help']},
)
@click.version_option(__version__, prog_name='wumai')
@click.pass_context
def main(ctx: click.Context) -> None:
    """A JSON action API and a job worker on the SQL database that you have.

    \b
    Example:
      wumai demo
      wumai worker myapp.worker:worker

    The database is that of DB_URL, or of DB_HOST, DB_USER, DB_PASSWORD and DB_DATABASE, in the
    environment.
    """
    if os.environ.get('NO_COLOR'):
        ctx.color = False
