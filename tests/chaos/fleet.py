"""Worker processes that can be killed, frozen and terminated, and what was done to each."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.chaos.app import FOLDER, OPTIONS
from tests.waiting import LIMIT, until

ROOT = Path(__file__).parents[2]
_FOREIGN = ('DB_', 'REDIS_', 'SLACK_', 'NOTIFY_')

now = time.perf_counter


@dataclass(eq=False)
class WorkerProcess:
    """One process, and the times at which it could not do its work."""

    process: 'subprocess.Popen[bytes]'
    slot: int
    output: Path
    silent: list[tuple[float, float]] = field(default_factory=list)
    """When it was frozen or cut off: from, to."""
    ended: float | None = None
    disturbed: bool = False
    """It was killed or terminated by the tests."""
    _frozen_at: float | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def lives(self) -> bool:
        if self.process.poll() is None:
            return True
        self.ended = self.ended or now()
        return False

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    @property
    def takes_jobs(self) -> bool:
        """Whether it has come as far as to log that."""
        return 'takes jobs' in self.log()

    def log(self) -> str:
        """Its normal.log."""
        path = self.output.parent / f'log-{self.pid}' / 'worker' / 'normal.log'
        return path.read_text(errors='replace') if path.exists() else ''

    def kill(self) -> None:
        self.disturbed = True
        self.process.kill()
        self.process.wait(LIMIT)
        self.ended = now()
        self._note_thaw()

    def freeze(self) -> None:
        self._frozen_at = now()
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.lives:
            self.process.send_signal(signal.SIGCONT)
        self._note_thaw()

    def terminate(self) -> None:
        self.disturbed = True
        self.process.terminate()

    def wait(self, limit: float = LIMIT) -> int:
        """Its exit code."""
        code = self.process.wait(limit)
        self.ended = self.ended or now()
        return code

    def cut(self, begin: float, end: float) -> None:
        """Note that its connections were cut."""
        self.silent.append((begin, end))

    def _note_thaw(self) -> None:
        if self._frozen_at is not None:
            self.silent.append((self._frozen_at, now()))
            self._frozen_at = None


class Fleet:
    """All workers that were ever started. Ends those that are left when the block does."""

    def __init__(
        self, folder: Path, options: Mapping[str, Any], environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.options = dict(options)
        self.environ = dict(environ or {})
        self.workers: list[WorkerProcess] = []

    def start(
        self, url: str, slot: int = 0, arguments: Sequence[str] = (), **options: Any
    ) -> WorkerProcess:
        """Start a worker on the database `url`; it is not waited for. `arguments` are those of
        the command `wumai worker`.
        """
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH'))))
        settings = {
            'PYTHONPATH': path,
            'DB_URL': url,
            FOLDER: str(self.folder),
            OPTIONS: json.dumps({**self.options, **options}),
            **self.environ,
        }
        output = self.folder / f'worker-{len(self.workers)}.txt'
        with output.open('wb') as file:
            process = subprocess.Popen(
                [sys.executable, '-m', 'wumai', 'worker', 'tests.chaos.app:make()', *arguments],
                cwd=ROOT,
                env={**kept, **settings},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = WorkerProcess(process, slot, output)
        self.workers.append(worker)
        return worker

    def started(self, url: str, count: int, **options: Any) -> list[WorkerProcess]:
        """Start `count` workers and wait until each takes jobs."""
        workers = [self.start(url, slot, **options) for slot in range(count)]
        for worker in workers:
            until(lambda worker=worker: worker.takes_jobs, what=f'worker {worker.slot}')  # type: ignore[misc]
        return workers

    def living(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.lives]

    def stop(self, limit: float = LIMIT) -> list[int]:
        """Terminate all that live, and wait; their exit codes."""
        living = self.living()
        for worker in living:
            if worker.frozen:
                worker.thaw()
            worker.terminate()
        return [worker.wait(limit) for worker in living]

    def by_pid(self) -> dict[int, WorkerProcess]:
        return {worker.pid: worker for worker in self.workers}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.process.kill()
            worker.process.wait(LIMIT)
