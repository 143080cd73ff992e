"""The README: each of its code blocks is run, but for the two that set up and run this suite."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import click

from tests.cli.running import ROOT, clean_environ
from tests.waiting import LIMIT, until
from wumai.cli import main

BLOCKS = re.findall(r'^```(\w+)\n(.*?)^```$', (ROOT / 'README.md').read_text(), re.M | re.S)
SHELL = [code.strip() for language, code in BLOCKS if language == 'sh']


def write_app(name: str, folder: Path) -> Path:
    """Write the block that begins with `# <name>` to a file of that name."""
    (code,) = [code for _, code in BLOCKS if code.startswith(f'# {name}\n')]
    file = folder / name
    file.write_text(code)
    return file


def pip_arguments(command: str) -> list[list[str]]:
    """The arguments of each `pip install` in a line of shell."""
    parts = [shlex.split(part) for part in command.split(' && ')]
    return [part[4:] for part in parts if part[:4] == ['python', '-m', 'pip', 'install']]


def test_the_first_shell_block_runs_the_demo() -> None:
    """One line, that needs nothing but the clone; the demo itself is run by its own test."""
    install, _, command = SHELL[0].rpartition(' && ')
    assert SHELL[0].count('\n') == 0
    assert pip_arguments(install) == [['-q', '.']]
    program, name = shlex.split(command)
    assert program == 'wumai'
    assert main.get_command(click.Context(main), name) is not None


def test_the_second_shell_block_runs_the_tests() -> None:
    """One line, whose extra and group are those of pyproject.toml."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())
    upgrade, install = pip_arguments(SHELL[1])
    assert SHELL[1].count('\n') == 0
    assert upgrade == ['-q', '-U', 'pip']
    assert install == ['-q', '--group', 'test', '-e', '.[testing]']
    assert 'testing' in project['project']['optional-dependencies']
    assert 'test' in project['dependency-groups']
    assert SHELL[1].endswith(' && python -m pytest -q -n auto')


def test_no_block_is_left_out() -> None:
    """A new block asks for a new test."""
    assert [(language, code.split('\n')[0]) for language, code in BLOCKS[2:]] == [
        ('python', '# app.py'),
        ('sh', 'curl --json \'{"action": "ActionName"}\' localhost:8080'),
        ('json', '{"text": "hello world"}'),
        ('python', '# shop.py'),
        ('sh', 'export DB_URL=sqlite:///shop.db'),
        ('python', '# test_shop.py'),
    ]


def test_the_first_app(tmp_path: Path) -> None:
    """Its server answers the curl line with what is shown."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    app = write_app('app.py', tmp_path)
    app.write_text(app.read_text().replace('8080', str(port)))
    with subprocess.Popen([sys.executable, 'app.py'], cwd=tmp_path, env=clean_environ()) as server:
        try:
            until(lambda: answers(port))
            command = shlex.split(SHELL[2].replace('8080', str(port)))
            answer = subprocess.check_output([*command, '--silent'], timeout=LIMIT)
            server.terminate()
            assert server.wait(LIMIT) == 0
        finally:
            server.kill()
    (shown,) = [code for language, code in BLOCKS if language == 'json']
    assert json.loads(answer) == json.loads(shown)


def answers(port: int) -> bool:
    try:
        socket.create_connection(('127.0.0.1', port)).close()
    except OSError:
        return False
    return True


def test_the_commands_of_the_job(tmp_path: Path) -> None:
    """The database is made, and the app's servers pass the check."""
    write_app('shop.py', tmp_path)
    command = tmp_path / 'wumai'
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wumai "$@"\n')
    command.chmod(0o755)
    env = clean_environ()
    done = subprocess.run(
        ['bash', '-euc', SHELL[3]],
        cwd=tmp_path,
        env={**env, 'PATH': f'{tmp_path}{os.pathsep}{env["PATH"]}'},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert 'table job: made' in done.stdout
    assert 'shop:make_worker(), worker of CreateInstance' in done.stdout


def test_the_test(tmp_path: Path) -> None:
    """It passes, as shown, by the fixture of the plugin."""
    write_app('shop.py', tmp_path)
    write_app('test_shop.py', tmp_path)
    installed = any(point.name == 'wumai' for point in entry_points(group='pytest11'))
    plugin = [] if installed else ['-p', 'wumai_testing.plugin']
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', *plugin, 'test_shop.py'],
        cwd=tmp_path,
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert '1 passed' in done.stdout
