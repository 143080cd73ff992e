"""How these tests run the command: in process, or as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from click.testing import CliRunner, Result

from wumai.cli import main

ROOT = Path(__file__).parents[2]
_FOREIGN = ('DB_', 'REDIS_', 'SLACK_', 'NOTIFY_', 'WUMAI_DEMO', 'NO_COLOR')


def clean_environ() -> dict[str, str]:
    """The environment without what wumai reads in it, where wumai can be imported."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, 'PYTHONPATH': str(ROOT)}


def wumai(*arguments: str, env: Mapping[str, str] | None = None, code: int = 0) -> Result:
    """Run the command in this process; it must leave with `code`, and never with a traceback."""
    unset = dict.fromkeys([name for name in os.environ if name.startswith(_FOREIGN)])
    result = CliRunner().invoke(main, list(arguments), env={**unset, **(env or {})})
    assert result.exit_code == code, result.output
    assert 'Traceback' not in result.output
    return result


def process(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the command as a process."""
    return subprocess.Popen(
        [sys.executable, '-m', 'wumai', *arguments],
        cwd=cwd,
        env={**clean_environ(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Which a test run that a script put into the background ignores.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )


@contextmanager
def running(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that is there in the block, and is ended after it if it has not ended."""
    with process(*arguments, cwd=cwd, env=env) as one:
        try:
            yield one
        finally:
            one.kill()
