"""The processes of live scenarios, as their runner holds them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from wumai.error import WumaiError
from wumai_testing.scenario.live.process import Spec

PATIENCE = 60.0
"""Seconds for a process to be made, or to end after SIGKILL."""
# gevent is patched in first of all, as the command `wumai` does.
_PROGRAM = (
    'from gevent import monkey; monkey.patch_all(); '
    'from wumai_testing.scenario.live import nursery; nursery.main()'
)
_KEPT = ('PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'LD_LIBRARY_PATH', 'VIRTUAL_ENV')


class Child:
    """A process; its exit code once it has ended."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.pid = 0
        self.code: int | None = None
        self._made = threading.Event()
        self._ended = threading.Event()

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        return self._ended.wait(seconds)

    def end(self) -> None:
        """Kill it, and what it started."""
        if self.alive and self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def made(self, pid: int) -> None:
        self.pid = pid
        self._made.set()

    def await_made(self) -> bool:
        return self._made.wait(PATIENCE) and self.pid != 0

    def ended(self, code: int) -> None:
        self.code = code
        self._made.set()
        self._ended.set()


class Nursery:
    """Makes processes, quickly; `close` ends all that are left. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._number = 0
        self._asked: dict[int, Child] = {}
        self._children: dict[int, Child] = {}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        environ = {name: value for name, value in os.environ.items() if name in _KEPT}
        self._process = subprocess.Popen(
            [sys.executable, '-c', _PROGRAM],
            env={**environ, 'PYTHONPATH': os.pathsep.join(_import_paths())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # a Ctrl-C is for the runner, which then ends it
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, spec: Spec) -> Child:
        """A new process. Raises WumaiError if there is none."""
        child = Child(spec)
        with self._lock:
            if self._closed:
                raise WumaiError(f'no process for {spec.process}: {self._last_words()}')
            self._number += 1
            self._asked[self._number] = child
            message = {'number': self._number, 'spec': asdict(spec)}
            assert self._process.stdin
            with suppress(OSError, ValueError):
                self._process.stdin.write(json.dumps(message).encode() + b'\n')
                self._process.stdin.flush()
        if not child.await_made():
            raise WumaiError(f'no process for {spec.process}: {self._last_words()}')
        return child

    def close(self) -> None:
        """End everything."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock, suppress(OSError):
            self._closed = True
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            message = json.loads(line)
            with self._lock:
                if 'made' in message:
                    child = self._asked.pop(message['number'])
                    self._children[message['made']] = child
                    child.made(message['made'])
                else:
                    self._children.pop(message['ended']).ended(message['code'])
        with self._lock:
            self._closed = True
            for child in (*self._asked.values(), *self._children.values()):
                child.ended(-signal.SIGKILL)

    def _last_words(self) -> str:
        with suppress(OSError, ValueError):
            self._errors.seek(0)
            return self._errors.read().decode(errors='replace')[-2000:]
        return 'the runner is closing'


def child_environ(scenario_env: Mapping[str, str]) -> dict[str, str]:
    """What a process sees: what it cannot do without, and the scenario's own."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return {**kept, 'TZ': 'UTC', **scenario_env}


def _import_paths() -> list[str]:
    home = str(Path(__file__).parents[3])
    return [home, *(path for path in sys.path if path and path != home)]
