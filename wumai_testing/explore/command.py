"""`wumai simulate`."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from wumai.cli.signals import Interrupts
from wumai.error import ConfigError
from wumai_testing.duration import parse_duration
from wumai_testing.explore.options import KINDS, STANDING
from wumai_testing.explore.seeds import seeds_from
from wumai_testing.worker_options import check_options

TELL_PERIOD = 60.0
"""Seconds between two lines that tell how far it is, where there is no terminal to show a bar."""
INTERRUPTED = 130
"""The exit code of a shell's command that Ctrl-C has ended."""


class _Parsed(click.ParamType):  # type: ignore[type-arg]  # of click 8.3
    """A value that `parse` makes of a text, or says what is wrong with it."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _option(text: str) -> tuple[str, Any]:
    name, given, value = text.partition('=')
    if not given:
        raise ValueError(f'{text!r} has no value: write one as in lease=60')
    number = _number(value)
    try:
        check_options({name: number})
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return name, number


def _number(text: str) -> float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


@click.command(
    epilog=f'Kinds of faults: {", ".join([*KINDS, *STANDING])}.',
)
@click.argument('module', required=False)
@click.option(
    '--seeds', type=_Parsed('seeds', seeds_from), default='1000', metavar='N|A-B',
    show_default=True, help='How many, or which: 200-300 are the hundred from 200 on.',
)  # fmt: skip
@click.option('--seed', type=click.IntRange(0), metavar='N', help='Run this one only.')
@click.option('--trace', is_flag=True, help='Print the whole timeline of --seed.')
@click.option(
    '--time', 'budget', type=_Parsed('duration', parse_duration), metavar='DURATION',
    help='Begin no seed after this, such as 2m.',
)  # fmt: skip
@click.option(
    '--workers', type=click.IntRange(1), default=3, metavar='N', show_default=True,
    help='Worker processes of a run.',
)  # fmt: skip
@click.option(
    '--option', 'options', type=_Parsed('option', _option), multiple=True, metavar='NAME=VALUE',
    help="One of create_worker's, such as exec_timeout=600, instead of a drawn one; repeatable.",
)  # fmt: skip
@click.option(
    '--fault', 'faults', type=click.Choice([*KINDS, *STANDING]), multiple=True, metavar='KIND',
    help='A kind that may strike, instead of all; repeatable.',
)  # fmt: skip
@click.option(
    '--database', metavar='URL',
    help='Run on this server, or on `sqlite`, instead of the emulated MySQL.',
)  # fmt: skip
@click.option(
    '--processes', type=click.IntRange(1), default=os.cpu_count() or 1, metavar='N',
    help='At once; by default as many as there are cores.',
)  # fmt: skip
@click.option(
    '--export', type=click.Path(dir_okay=False, path_type=Path), metavar='FILE',
    help='Write a run that breaks an invariant as a scenario.',
)  # fmt: skip
@click.option('--strict', is_flag=True, help='Exit with 1, too, if something was never reached.')
def simulate(
    module: str | None,
    seeds: Sequence[int],
    seed: int | None,
    trace: bool,
    budget: float | None,
    workers: int,
    options: tuple[tuple[str, Any], ...],
    faults: tuple[str, ...],
    database: str | None,
    processes: int,
    export: Path | None,
    strict: bool,
) -> None:
    """Run the jobs of MODULE under made-up faults, and check that they survive.

    MODULE has `job_routes`, and perhaps `routes`, `examples = {action: [params, ...]}` and
    functions marked with `@invariant`; without one, the explorer's own handlers run. Exits with
    1 if an invariant breaks, or if no job ran. Ctrl-C shows what was seen until then.

    \b
    Example:
      wumai simulate myapp.jobs --seeds 2000
      wumai simulate myapp.jobs --seed 17 --trace
    """
    from wumai_testing.explore.many import Settings

    if trace and seed is None:
        raise click.UsageError('--trace is about one run: name it with --seed.')
    if export and export.exists():
        raise click.UsageError(f'--export: {export} is there already.')
    settings = Settings(module, workers, frozenset(faults) or None, dict(options), database)
    ran = _Simulate(settings, export)
    try:
        with Interrupts():
            failed = (
                ran.many(seeds, processes, budget, strict) if seed is None else ran.one(seed, trace)
            )
    except KeyboardInterrupt:
        click.echo('interrupted', err=True)
        sys.exit(INTERRUPTED)
    sys.exit(1 if failed else 0)


class _Simulate:
    """One call of the command. Its methods tell whether it fails."""

    def __init__(self, settings: Any, export: Path | None) -> None:
        from wumai_testing.explore.application import load_app

        self._settings = settings
        self._export = export
        self._app = load_app(settings.module)

    def many(
        self, seeds: Sequence[int], processes: int, budget: float | None, strict: bool
    ) -> bool:
        """Run all seeds."""
        from wumai_testing.explore import coverage

        tally, interrupted = self._run(seeds, processes, budget)
        click.echo(coverage.report(tally.reached, tally.runs, self._app, self._settings.kinds))
        rate = tally.runs / tally.seconds if tally.seconds else 0.0
        click.echo(
            f'{tally.runs} of {len(seeds)} seeds, {tally.virtual / 3600:.1f} virtual hours '
            f'in {tally.seconds:.1f} s ({rate:.1f} seeds/s)'
        )
        for result in tally.broken:
            click.secho(f'seed {result.plan.seed} breaks {result.broken}', fg='red')
        if interrupted:
            raise KeyboardInterrupt
        if tally.broken:
            self._tell(tally.broken[0])
            return True
        if nothing := coverage.nothing_ran(tally.reached, self._app):
            click.secho(nothing, fg='red')
            return True
        click.secho('no invariant was broken', fg='green')
        missed = coverage.missed(tally.reached, tally.runs, self._app, self._settings.kinds)
        return strict and bool(missed)

    def _run(self, seeds: Sequence[int], processes: int, budget: float | None) -> tuple[Any, bool]:
        """What was seen, and whether it was interrupted before all was."""
        from wumai_testing.explore.many import Tally, run_many

        seen, told = Tally(), 0.0

        def progress(tally: Tally) -> None:
            nonlocal seen, told
            seen = tally
            bar.update(tally.runs - bar.pos)
            if bar.hidden and tally.seconds - told >= TELL_PERIOD:
                told = tally.seconds
                broken = f', {len(tally.broken)} of them broken' if tally.broken else ''
                click.echo(f'{tally.runs} of {len(seeds)} seeds{broken}', err=True)

        with _progress(len(seeds), 'seeds') as bar:
            try:
                run_many(
                    self._settings,
                    seeds,
                    app=self._app,
                    processes=processes,
                    seconds=budget,
                    progress=progress,
                )
            except KeyboardInterrupt:
                return seen, True
        return seen, False

    def one(self, seed: int, show: bool) -> bool:
        """Run one seed."""
        from wumai_testing.explore.driver import run

        plan = self._settings.plan(seed, self._app)
        result = run(plan, self._app, url=self._settings.url)
        if show:
            click.echo(result.text)
        if result.broken is None:
            click.secho(f'seed {seed} breaks no invariant', fg='green')
            return False
        self._tell(result)
        return True

    def _tell(self, found: Any) -> None:
        from wumai_testing.explore.exploring import again, shrunk
        from wumai_testing.explore.report import describe
        from wumai_testing.explore.shrink import MOST_RUNS

        with _progress(MOST_RUNS, 'making it shorter') as bar:
            result = shrunk(
                found, self._app, url=self._settings.url, progress=lambda: bar.update(1)
            )
        click.echo(f'\n{describe(result, self._app, again(result, self._settings))}')
        if self._export:
            self._write(result, self._export)

    def _write(self, result: Any, path: Path) -> None:
        from wumai_testing.explore.export import save

        try:
            exported = save(result, self._app, path)
        except OSError as error:
            raise ConfigError(f'--export: {error}') from None
        click.echo(f'written as {path}')
        for line in exported.left_out:
            click.echo(f'  without: {line}')
        passes = 'which passes: only the simulation has what breaks here'
        click.echo(f'  {"which fails as the run did" if exported.fails else passes}')


def _progress(length: int, label: str) -> Any:
    return click.progressbar(
        length=length, label=label, show_pos=True, hidden=not sys.stderr.isatty(), file=sys.stderr
    )
