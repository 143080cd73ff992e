"""gevent's patching, in processes of its own: this one must not be patched."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, clean_environ
from tests.waiting import LIMIT

HELPER = """
import socket, ssl, threading, time
from socket import create_connection
from time import sleep as nap
guard = threading.Lock()
done = threading.Event()
context = ssl.create_default_context()
"""
CLEAN = 'import socket, ssl, threading, time'
APP = """
import sys
import clean, helper
from gevent import monkey
from wumai.config import CONF
from wumai.server import create_api
CONF.apply(app_root={root}, log_dir='logs')
api = create_api('shop'{options})
print(monkey.is_module_patched('socket'))
"""


def run(
    folder: Path, *, root: str = "'.'", options: str = '', command: str = ''
) -> tuple[str, str]:
    """What the app prints, and its warnings."""
    (folder / 'helper.py').write_text(HELPER)
    (folder / 'clean.py').write_text(CLEAN)
    (folder / 'app.py').write_text(APP.format(root=root, options=options))
    done = subprocess.run(
        [sys.executable, *(command or 'app.py').split()],
        cwd=folder,
        env={**clean_environ(), 'PYTHONPATH': f'{ROOT}'},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize('root', ["'.'", '__import__("os").getcwd()'])
def test_a_module_that_was_too_early_is_named(tmp_path: Path, root: str) -> None:
    """With what it holds, however app_root is written."""
    printed, warned = run(tmp_path, root=root)
    assert printed == 'True\n'
    assert 'RuntimeWarning: imported before gevent was patched in' in warned
    for held in (
        'helper (socket.create_connection as create_connection)',
        'helper (time.sleep as nap)',
        'helper (a threading.Lock as guard)',
        'helper (a threading.Event as done)',
        'helper (an SSLContext as context)',
    ):
        assert held in warned
    assert 'clean' not in warned


def test_another_folder_is_not_the_apps(tmp_path: Path) -> None:
    """Not even one whose name begins alike."""
    (tmp_path / 'app').mkdir()
    (tmp_path / 'app_too').mkdir()
    assert run(tmp_path / 'app_too', root="'../app'") == ('True\n', '')


def test_a_runtime_patches_nothing(tmp_path: Path) -> None:
    """It comes from somebody who has settled that."""
    options = ', runtime=__import__("tests.api.serving", fromlist=["_"]).make_api()._runtime'
    assert run(tmp_path, options=options) == ('False\n', '')


def test_the_command_patches_first(tmp_path: Path) -> None:
    """So that nothing is too early."""
    printed, warned = run(tmp_path, command='-m wumai check app')
    assert 'True\n' in printed
    assert warned == ''
