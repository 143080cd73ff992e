"""`wumai scenario`: run files, check them, begin a new one, print the schema."""

import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from wumai_testing.databases import server_database
from wumai_testing.scenario.detect import FOLDER, is_scenario_file
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.outcome import FAILED, PASSED, SKIPPED, Outcome, run_simulated
from wumai_testing.scenario.reader import load
from wumai_testing.scenario.schema import as_text
from wumai_testing.timeline_page import save_report

_COLOURS = {PASSED: 'green', FAILED: 'red', SKIPPED: 'yellow'}

_PATHS = click.argument(
    'paths', nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)

NEW = """\
# A scenario: the behaviour of an app over time. Run it with `wumai scenario run FILE` or pytest.
scenario: {name}
app: {app}            # a module with `routes` and/or `job_routes`
# workers: 1          # how many run from the start: w1, w2, ...
# worker: {{exec_timeout: 600}}
env: {{SLACK_WEBHOOK_URL: "https://slack.invalid/hook"}}   # with it, Slack is captured
steps:
  - job: {{as: first, action: DoSomething, params: {{name: web-1}}, try_period: 60, try_max: 3}}
  - run: idle         # or `advance: 10m`, `crash: w1`, `database: {{down: 30s}}`, ...
  - expect:
      jobs: {{first: {{status: finished, trys: 1}}}}
      runs: {{first: [0s]}}
      slack: 0
"""


@click.group()
def scenario() -> None:
    """Run scenario files: the behaviour of an app over time, as data.

    \b
    Example:
      wumai scenario run scenarios
    """


@scenario.command()
@_PATHS
@click.option('--database', metavar='URL', help='Run on this server instead of SQLite.')
@click.option('--live', is_flag=True, help='Run real processes in real time.')
@click.option('--report', type=click.Path(path_type=Path), help='Write a page for each timeline.')
@click.option('-v', '--verbose', is_flag=True, help='Show each timeline.')
def run(
    paths: tuple[Path, ...], database: str | None, live: bool, report: Path | None, verbose: bool
) -> None:
    """Run the scenario files below PATHS, by default in virtual time on SQLite.

    Exit code 0 if all passed, 1 if one failed, 2 if there was nothing to run.

    \b
    Example:
      wumai scenario run scenarios --report report
    """
    files = list(_files(paths))
    if not files:
        raise click.UsageError(
            f'no scenario file in {", ".join(map(str, paths))}: looked for are .yaml files '
            f'with the key `scenario` below a folder named `{FOLDER}`'
        )
    began, outcomes = time.perf_counter(), []
    for outcome in _live(files, database) if live else _simulated(files, database):
        outcomes.append(outcome)
        _show(outcome, f'{len(outcomes)}/{len(files)}', verbose)
    _summarize(outcomes, time.perf_counter() - began)
    if report:
        told = [(one.name, one.status, one.timeline) for one in outcomes if one.timeline]
        click.echo(f'report: {save_report(report, told)}')
    sys.exit(any(one.status == FAILED for one in outcomes))


def _simulated(files: Iterable[Path], database: str | None) -> Iterator[Outcome]:
    for path in files:
        yield run_simulated(path, server_database(database) if database else None)


def _live(files: Sequence[Path], database: str | None) -> Iterator[Outcome]:
    from wumai_testing.scenario.live import LiveRun

    # What ends the command ends its servers and processes too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with LiveRun(database) as run:
        yield from run.run(files)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those found in the folders named, in order; tells what it leaves out."""
    for path in paths:
        for one in [path] if path.is_file() else sorted(path.rglob('*.yaml')):
            if one == path or is_scenario_file(one):
                yield one
            elif FOLDER in one.absolute().parent.parts:
                click.echo(f'left out, without the key `scenario`: {one}', err=True)


def _show(outcome: Outcome, position: str, verbose: bool) -> None:
    status = click.style(outcome.status, fg=_COLOURS[outcome.status])
    virtual = f'{outcome.virtual} in ' if outcome.virtual else ''
    times = '' if outcome.status == SKIPPED else f'{virtual}{outcome.seconds:.2f} s'
    click.echo(f'{position:>9} {status:<7}  {outcome.name}  {click.style(times, dim=True)}')
    if outcome.message:
        click.echo('\n'.join(f'{"":>10}{line}' for line in outcome.message.splitlines()))
    if verbose and outcome.timeline is not None:
        click.echo(outcome.timeline.text())


def _summarize(outcomes: Sequence[Outcome], seconds: float) -> None:
    counts = {s: sum(one.status == s for one in outcomes) for s in (PASSED, FAILED, SKIPPED)}
    folders = sorted({one.path.parent for one in outcomes})
    click.echo()
    click.echo(f'{"folder":<40} {PASSED:>7} {FAILED:>7} {SKIPPED:>7} {"seconds":>8}')
    for folder in folders:
        here = [one for one in outcomes if one.path.parent == folder]
        cells = [sum(one.status == s for one in here) for s in (PASSED, FAILED, SKIPPED)]
        taken = sum(one.seconds for one in here)
        click.echo(f'{folder!s:<40} {cells[0]:>7} {cells[1]:>7} {cells[2]:>7} {taken:>8.2f}')
    told = ', '.join(f'{number} {status}' for status, number in counts.items() if number)
    click.echo(f'{told} in {seconds:.2f} s')


@scenario.command()
@_PATHS
def check(paths: tuple[Path, ...]) -> None:
    """Check the grammar of scenario files; nothing is run, and no `app` imported.

    \b
    Example:
      wumai scenario check scenarios
    """
    files = list(_files(paths))
    wrong = 0
    for path in files:
        try:
            load(path)
        except ScenarioError as error:
            wrong += 1
            click.echo(str(error), err=True)
    click.echo(f'{len(files) - wrong} of {len(files)} files are right')
    sys.exit(1 if wrong else 0)


@scenario.command()
@click.argument('path', type=click.Path(path_type=Path))
@click.option('--app', default='myapp.jobs', show_default=True, help='The module of the handlers.')
def new(path: Path, app: str) -> None:
    """Write a commented scenario to begin with.

    \b
    Example:
      wumai scenario new scenarios/an-instance-is-created.yaml --app myapp.jobs
    """
    if path.suffix != '.yaml' or 'scenarios' not in path.resolve().parts:
        raise click.UsageError(f'{path}: a scenario is a .yaml file below a folder scenarios')
    if path.exists():
        raise click.UsageError(f'{path} is there already')
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.stem.replace('-', ' ').replace('_', ' ').capitalize()
    path.write_text(NEW.format(name=name, app=app))
    click.echo(f'written: {path}')


@scenario.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    click.echo(as_text(), nl=False)
