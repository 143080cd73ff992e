"""The top of the command: subcommands by name, plugins, and errors in one line."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from wumai.error import WumaiError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PLUGINS = 'wumai.commands'
"""The entry-point group."""

# click 8.2 has it; before, a group without arguments printed its help by itself.
_NO_ARGS: Any = getattr(click.exceptions, 'NoArgsIsHelpError', ())


class Failure(click.ClickException):
    """An error that is told in one line, without a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(' '.join(message.split()))

    def show(self, file: Any = None) -> None:
        if file is None:
            click.echo(click.style(self.message, fg='red'), err=True)
        else:
            click.echo(self.message, file=file)


class Misuse(Failure):
    """A command line that is wrong."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def __init__(
        self,
        *args: Any,
        commands_of_ours: Mapping[str, tuple[str, str]],
        summaries: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._ours = commands_of_ours
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*self._ours, *(name for name in sorted(_plugins()) if name not in self._ours)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name in self._ours:
            module, _, name = self._ours[cmd_name][0].partition(':')
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        plugin = _plugins().get(cmd_name)
        return _load(plugin) if plugin else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.startswith('-') or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        guess = f' Did you mean {near[0]!r}?' if near else ''
        raise click.UsageError(f'There is no command {name!r}.{guess}', ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section('Commands'):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(ctx)])

    def _summary(self, name: str) -> str:
        if name in self._ours:
            return self._ours[name][1]
        plugin = _plugins()[name]
        return self._summaries.get(name) or f'From {_distribution(plugin)}.'

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with in_one_line():
            return super().invoke(ctx)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn the errors that a user can mend into a Failure: 2 for a wrong call, 1 for the rest."""
    try:
        yield
    except _NO_ARGS:
        raise
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else 'wumai'
        told = error.format_message()
        end = '' if told.endswith(('.', '?')) else '.'
        message = f'{path}: {told}{end} See {path} --help.'
        raise Misuse(message) from None
    except WumaiError as error:
        raise Failure(f'wumai: {error}') from None


def _plugins() -> 'dict[str, EntryPoint]':
    from importlib.metadata import entry_points  # 50 ms that our own commands need not pay

    return {point.name: point for point in entry_points(group=PLUGINS)}


def _distribution(plugin: 'EntryPoint') -> str:
    return plugin.dist.name if plugin.dist else plugin.value


def _load(plugin: 'EntryPoint') -> click.Command:
    try:
        command = plugin.load()
    except (ImportError, AttributeError) as error:
        missing = getattr(error, 'name', None) or ''
        if _distribution(plugin) == 'wumai' and missing.partition('.')[0] != 'wumai_testing':
            raise Failure(
                f'wumai {plugin.name}: {missing or error} is not installed; it comes with the '
                "extra `testing`: pip install 'wumai[testing]'"
            ) from None
        raise Failure(
            f'wumai {plugin.name}: the plugin {plugin.value} cannot be imported: {error}'
        ) from None
    if not isinstance(command, click.Command):
        raise Failure(f'wumai {plugin.name}: the plugin {plugin.value} is no click command')
    return command
