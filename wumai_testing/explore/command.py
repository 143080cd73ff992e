"""`wumai simulate`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from wumai.error import ConfigError


@click.command()
@click.argument('module', required=False)
@click.option('--seeds', default='1000', metavar='N|A-B', help='How many, or which. [1000]')
@click.option('--workers', default=3, help='Worker processes of a run. [3]')
@click.option('--seed', type=int, help='Run this one only.')
@click.option('--trace', is_flag=True, help='Print the timeline of --seed.')
@click.option('--fault', 'faults', multiple=True, help='A kind that may strike; again for more.')
@click.option('--database', metavar='URL', help='Run on a real server, or on `sqlite`.')
@click.option('--time', 'budget', metavar='DURATION', help='Begin no more seeds after this.')
@click.option('--processes', type=int, help='At once; as many as there are cores by default.')
@click.option('--export', type=click.Path(dir_okay=False), help='Write a broken run as a scenario.')
@click.option('--strict', is_flag=True, help='Exit with 1, too, if some fault was never reached.')
def simulate(
    module: str | None,
    seeds: str,
    workers: int,
    seed: int | None,
    trace: bool,
    faults: tuple[str, ...],
    database: str | None,
    budget: str | None,
    processes: int | None,
    export: str | None,
    strict: bool,
) -> None:
    """Run the jobs of MODULE under made-up faults, and check that they survive.

    MODULE has `job_routes`, and perhaps `routes` and `examples = {action: [params, ...]}`;
    without one, the explorer's own handlers run. Exits with 1 where an invariant breaks.

    \b
    Example:
      wumai simulate myapp.jobs --seeds 2000
      wumai simulate myapp.jobs --seed 17 --trace
    """
    from wumai_testing.explore.exploring import check_kinds, seeds_from
    from wumai_testing.explore.many import Settings

    try:
        settings = Settings(module, workers, check_kinds(faults or None), url=database)
        one = None if seed is None else [seed]
        ran = _Simulate(settings, one or seeds_from(seeds), processes, _seconds(budget))
        failed = ran.trace(trace, export) if one else ran.all(export, strict)
    except (ConfigError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(1 if failed else 0)


def _seconds(text: str | None) -> float | None:
    from wumai_testing.duration import parse_duration

    return None if text is None else parse_duration(text)


class _Simulate:
    """One call of the command."""

    def __init__(
        self, settings: Any, seeds: Sequence[int], processes: int | None, budget: float | None
    ) -> None:
        from wumai_testing.explore.application import load_app

        self._settings = settings
        self._seeds = seeds
        self._processes = processes or os.cpu_count() or 1
        self._budget = budget
        self._app = load_app(settings.module)

    def all(self, export: str | None, strict: bool) -> bool:
        """Run all seeds; whether the command fails."""
        from wumai_testing.explore import coverage

        tally = self._run()
        click.echo(coverage.report(tally.reached, tally.runs, self._settings.kinds))
        rate = tally.runs / tally.seconds if tally.seconds else 0.0
        click.echo(
            f'{tally.runs} seeds, {tally.virtual / 3600:.1f} virtual hours '
            f'in {tally.seconds:.1f} s ({rate:.1f} seeds/s)'
        )
        if tally.broken:
            seeds = ', '.join(str(result.plan.seed) for result in tally.broken)
            click.secho(f'broken by the seeds {seeds}', fg='red', bold=True)
            self._tell(tally.broken[0], export)
            return True
        click.secho('no invariant was broken', fg='green')
        return strict and bool(coverage.missed(tally.reached, tally.runs, self._settings.kinds))

    def _run(self) -> Any:
        from wumai_testing.explore.many import run_many

        with click.progressbar(
            length=len(self._seeds), label='seeds', show_pos=True, hidden=not sys.stderr.isatty(),
            file=sys.stderr,
        ) as bar:  # fmt: skip
            return run_many(
                self._settings,
                self._seeds,
                processes=self._processes,
                seconds=self._budget,
                progress=lambda tally: bar.update(tally.runs - bar.pos),
            )

    def trace(self, show: bool, export: str | None) -> bool:
        """Run one seed; whether it breaks an invariant."""
        from wumai_testing.explore.driver import run

        plan = self._settings.plan(self._seeds[0], self._app)
        result = run(plan, self._app, url=self._settings.url)
        if show:
            click.echo(result.text)
        if result.broken is None:
            click.secho(f'seed {plan.seed} breaks no invariant', fg='green')
            return False
        self._tell(result, export)
        return True

    def _tell(self, found: Any, export: str | None) -> None:
        from wumai_testing.explore.exploring import again, shrunk
        from wumai_testing.explore.export import save
        from wumai_testing.explore.report import describe

        click.echo('making it shorter ...', err=True)
        result = shrunk(found, self._app, url=self._settings.url)
        click.echo(describe(result, self._app, again(result, self._settings)))
        if export:
            left_out = save(result, self._app, Path(export))
            click.echo(f'written as {export}')
            for line in left_out:
                click.echo(f'  without: {line}')
