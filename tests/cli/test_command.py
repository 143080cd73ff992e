"""The top of the command: help, errors in one line, plugins."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.running import ROOT, clean_environ, wumai
from wumai import __version__
from wumai.cli import main

COMMANDS = ('demo', 'api', 'worker', 'check', 'schema', 'init-db')
JOBS = ('list', 'show', 'retry', 'cancel')


def test_version() -> None:
    """--version tells the version of the package."""
    assert wumai('--version').output == f'wumai, version {__version__}\n'


def test_help_lists_the_commands() -> None:
    """The commands are listed with what they do."""
    output = wumai('--help').output
    assert all(f'  {name} ' in output for name in (*COMMANDS, 'jobs'))


@pytest.mark.parametrize('arguments', [*((c,) for c in COMMANDS), *(('jobs', j) for j in JOBS)])
def test_each_command_has_help_with_an_example(arguments: tuple[str, ...]) -> None:
    """The example is one of that command."""
    output = wumai(*arguments, '--help').output
    example = output.partition('Example:')[2]
    assert f'wumai {arguments[0]}' in example
    assert arguments[-1] in example


def test_help_imports_no_server() -> None:
    """So that it comes at once."""
    code = (
        'import sys\nfrom wumai.cli import main\n'
        "main(['--help'], standalone_mode=False)\n"
        "sys.exit(', '.join({'gevent', 'sqlalchemy', 'flask'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, env=clean_environ(), capture_output=True, text=True
    )
    assert done.stderr == '\n'


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['--nope'], 'wumai: No such option'),
        (['jbos'], "wumai: There is no command 'jbos'. Did you mean 'jobs'?"),
        (['jobs', 'list', '--limit', 'x'], "wumai jobs list: Invalid value for '--limit'"),
        (['jobs', 'show'], "wumai jobs show: Missing argument 'ID...'"),
        (['jobs', 'list', '--status', 'done'], "wumai jobs list: Invalid value for '--status'"),
        (['api'], "wumai api: Missing argument 'MODULE:API'"),
        (['schema', '--dialect', 'oracle'], "wumai schema: Invalid value for '--dialect'"),
        (['schema', 'job'], 'wumai schema: Got unexpected extra argument (job). See'),
        (['api', 'shop', '--port', '65536'], "wumai api: Invalid value for '--port'"),
        (['worker', 'shop', '--health-port', '-1'], "wumai worker: Invalid value for '--health-p"),
        (['demo', '--port', '65536'], "wumai demo: Invalid value for '--port'"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(arguments: list[str], told: str) -> None:
    """On stderr, with exit code 2, and where to read more."""
    result = wumai(*arguments, code=2)
    assert result.stdout == ''
    assert result.stderr.startswith(told)
    assert result.stderr.count('\n') == 1
    assert '--help.\n' in result.stderr


def test_no_database_is_told_in_one_line() -> None:
    """With the variables to set, and exit code 1."""
    result = wumai('jobs', 'list', code=1)
    assert result.stdout == ''
    assert result.stderr.startswith('wumai: no database is set: DB_HOST, DB_USER, DB_DATABASE')
    assert result.stderr.count('\n') == 1


def plugin(folder: Path, distribution: str, code: str) -> None:
    """Put a distribution with one command, `greet`, into `folder`."""
    info = folder / f'{distribution}-1.0.dist-info'
    info.mkdir()
    info.joinpath('METADATA').write_text(f'Name: {distribution}\nVersion: 1.0\n')
    info.joinpath('entry_points.txt').write_text('[wumai.commands]\ngreet = greeting:greet\n')
    folder.joinpath('greeting.py').write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'greeting', raising=False)
    return tmp_path


def test_a_plugin_is_a_command(site: Path) -> None:
    """It comes by the entry-point group `wumai.commands`."""
    code = 'import click\n@click.command()\ndef greet():\n    click.echo("hello")\n'
    plugin(site, 'acme', code)
    assert 'From acme.' in wumai('--help').output
    assert wumai('greet').output == 'hello\n'


def test_a_plugin_whose_extra_is_missing_names_it(site: Path) -> None:
    """What comes with wumai needs its extra; help works without."""
    plugin(site, 'wumai', 'import not_installed_here')
    assert '  greet ' in wumai('--help').output
    result = wumai('greet', code=1)
    assert 'not_installed_here is not installed; it comes with the extra `testing`' in result.stderr
    assert "pip install 'wumai[testing]'" in result.stderr


def test_a_broken_plugin_is_told_in_one_line(site: Path) -> None:
    """Of somebody else: nothing that an extra of ours would mend."""
    plugin(site, 'acme', 'import not_installed_here')
    result = wumai('greet', code=1)
    assert result.stderr == (
        'wumai greet: the plugin greeting:greet cannot be imported: '
        "No module named 'not_installed_here'\n"
    )


def test_a_plugin_that_is_no_command(site: Path) -> None:
    """It is refused."""
    plugin(site, 'acme', 'greet = 1')
    assert 'is no click command' in wumai('greet', code=1).stderr


def test_a_plugin_that_is_not_there(site: Path) -> None:
    """Its module lacks it: told like any other that cannot be had."""
    plugin(site, 'acme', '')
    assert "has no attribute 'greet'" in wumai('greet', code=1).stderr


def test_every_command_is_a_click_command() -> None:
    """The table of the lazy group names what is there."""
    context = click.Context(main)
    for name in (*COMMANDS, 'jobs'):
        assert isinstance(main.get_command(context, name), click.Command)
