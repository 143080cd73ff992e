"""The servers of the demo: processes, as a user would start them."""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from wumai.error import WumaiError

START_SECONDS = 30.0
STOP_SECONDS = 15.0
_FOREIGN = ('DB_', 'SLACK_', 'NOTIFY_')
_ADDRESS = re.compile(r' listens on (http://\S+),')


def environment(folder: Path, database: str) -> dict[str, str]:
    """Ours, without the database and the channels of anybody else."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
    home = str(Path(__file__).parents[2])
    paths = [home, *filter(None, [kept.get('PYTHONPATH')])]
    return {
        **kept,
        'PYTHONPATH': os.pathsep.join(paths),
        'DB_URL': database,
        'WUMAI_DEMO_LOGS': str(folder / 'logs'),
    }


class Server:
    """`wumai api ...` or `wumai worker ...` in a process of its own."""

    def __init__(
        self,
        role: str,
        arguments: Sequence[str],
        folder: Path,
        environ: dict[str, str],
        on_line: Callable[[str], None] | None,
    ) -> None:
        self.role = role
        self._errors = folder / f'{role}.stderr'
        self._on_line = on_line
        self._lines: queue.Queue[str | None] = queue.Queue()
        with self._errors.open('w') as errors:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'wumai', *arguments],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl-C is for the demo, which then stops its servers in order.
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
            if self._on_line:
                self._on_line(line.rstrip('\n'))
        self._lines.put(None)

    def await_address(self) -> str:
        """The URL that the api says it listens on. Raises WumaiError if it does not."""
        while True:
            try:
                line = self._lines.get(timeout=START_SECONDS)
            except queue.Empty:
                raise WumaiError(f'the {self.role} did not start in {START_SECONDS} s') from None
            if line is None:
                raise WumaiError(f'the {self.role} did not start: {self.last_error()}')
            if match := _ADDRESS.search(line):
                return match[1]

    def last_error(self) -> str:
        """The last line of what it wrote to stderr."""
        lines = self._errors.read_text(errors='replace').strip().splitlines()
        return lines[-1] if lines else 'it said nothing'

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def terminate(self) -> None:
        """Ask it to stop gracefully."""
        if not self.ended:
            self._process.terminate()

    def wait(self) -> int:
        """Its exit code; it is killed where it does not end."""
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(STOP_SECONDS)
        return code

    def kill(self) -> None:
        """End it if it has not ended, and close what was opened for it."""
        if not self.ended:
            self._process.kill()
        self.wait()
        if self._process.stdout:
            self._process.stdout.close()
