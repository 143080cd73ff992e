"""The processes of one scenario: its api and its workers, by name."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from wumai_testing.scenario.live.children import Child, Nursery
from wumai_testing.scenario.live.events import READY, SENDING, STANDING_BY, EventFile, EventLog
from wumai_testing.scenario.live.process import GO, Spec
from wumai_testing.timeline import Event

BOOT_SECONDS = 30.0
EXIT_SECONDS = 30.0
"""Beside a worker's grace."""
_MOMENT = 0.01
_EXITS = (0, 75)
"""Codes with which a worker may leave by itself."""


class Processes:
    """Starts them, faults them and ends them; what becomes of them is noted in `events`."""

    def __init__(
        self,
        nursery: Nursery,
        scenario: Path,
        folder: Path,
        environ: dict[str, str],
        events: EventFile,
        log: EventLog,
    ) -> None:
        self._nursery = nursery
        self._scenario = str(scenario)
        self._folder = folder
        self._environ = environ
        self._events = events
        self._log = log
        self._starts: Counter[str] = Counter()
        self._all: list[Child] = []
        self._standing_by: dict[str, list[Child]] = {}
        self._timers: list[threading.Timer] = []
        self.port = 0
        """Of the api."""
        self.workers: dict[str, Child] = {}
        """Those that were neither crashed nor stopped, nor left by themselves."""
        self.starting = 0.0
        """Seconds that were waited for workers to look at the table for the first time."""

    def prepare(self, workers: Sequence[str], with_api: bool) -> None:
        """Start the api, and let workers stand by, so that later they start at once; a name may
        be there more than once.
        """
        api = self._launch('api', 'api') if with_api else None
        for name in workers:
            self._standing_by.setdefault(name, []).append(self._launch('worker', name))
        for waiting in self._standing_by.values():
            for child in waiting:
                self._await(child, STANDING_BY)
        if api:
            self.port = int(self._await(api, READY).detail['port'])

    def start_worker(self, name: str) -> None:
        """Let the next one of this name begin."""
        if name in self.workers:
            raise AssertionError(f'the worker {name} runs already')
        self._events.add('worker', worker=name, state='start')
        self.workers[name] = self._standing_by[name].pop(0)
        self.workers[name].signal(GO)

    def await_workers(self) -> None:
        """Until each has looked at the table, or found the database away."""
        began = time.perf_counter()
        for child in self.workers.values():
            self._await(child, READY)
        self.starting += time.perf_counter() - began

    def _launch(self, role: str, name: str) -> Child:
        self._starts[name] += 1
        process = f'{name}-{self._starts[name]}'
        spec = Spec(role, name, process, self._scenario, str(self._folder), self._environ)
        child = self._nursery.start(spec)
        self._all.append(child)
        return child

    def _await(self, child: Child, kind: str) -> Event:
        """Until a process says that it is so far."""
        until = time.perf_counter() + BOOT_SECONDS
        while True:
            over = not child.alive or time.perf_counter() > until
            for event in self._log.of_kind(kind):  # what it said before its end counts
                if event.worker == child.spec.process:
                    return event
            if over:
                said = child.spec.written().strip() or 'it said nothing'
                raise AssertionError(f'{child.spec.process} did not start:\n{said}')
            child.wait(_MOMENT)

    def look_after(self) -> None:
        """Raise AssertionError where a worker has ended that should not have."""
        for name, child in list(self.workers.items()):
            if not child.alive:
                self._ended(name)
                if child.code not in _EXITS:
                    raise AssertionError(f'the worker {name} left with code {child.code}')

    def stop(self, worker: str, grace: float) -> None:
        """SIGTERM; until it has ended."""
        child = self._one(worker)
        self._events.add('worker', worker=worker, state='stop')
        child.signal(signal.SIGTERM)
        if not child.wait(EXIT_SECONDS + grace):
            raise AssertionError(f'the worker {worker} does not end')
        self._ended(worker)

    def _ended(self, worker: str) -> None:
        child = self.workers.pop(worker)
        self._events.add('worker', worker=worker, state='exit', code=child.code)

    def crash(self, worker: str) -> None:
        """SIGKILL."""
        child = self._one(worker)
        child.signal(signal.SIGKILL)
        child.wait(EXIT_SECONDS)
        del self.workers[worker]
        self._events.add('crash', worker=worker)

    def stall(self, worker: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after `seconds`."""
        child = self._one(worker)
        child.signal(signal.SIGSTOP)
        self._events.add('stall', worker=worker, seconds=seconds)
        timer = threading.Timer(seconds, child.signal, [signal.SIGCONT])
        self._timers.append(timer)
        timer.start()

    def _one(self, worker: str) -> Child:
        if worker not in self.workers:
            running = ', '.join(sorted(self.workers)) or 'none'
            raise AssertionError(f'the worker {worker} does not run; those that do: {running}')
        return self.workers[worker]

    def sending(self) -> bool:
        """Whether a worker that lives has messages on their way."""
        last = {event.worker: event.detail['on'] for event in self._log.of_kind(SENDING)}
        return any(last.get(child.spec.process) for child in self.workers.values())

    def tails(self, lines: int = 15) -> Iterator[str]:
        """The end of what each process wrote: its log, and its output."""
        for child in self._all:
            logs = sorted(child.spec.log_dir.glob('*/normal.log'))
            for path in (*logs, child.spec.output):
                if written := _lines(path):
                    yield f'--- {child.spec.process}, the end of {path.name}:'
                    yield from written[-lines:]

    def log_lines(self, context_id: str) -> list[str]:
        """The lines that the api wrote about one request."""
        paths = self._folder.glob('logs/api-*/*/normal.log')
        return [line for path in paths for line in _lines(path) if f'[{context_id}]' in line]

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
        for child in self._all:
            child.end()
        for child in self._all:
            child.wait(EXIT_SECONDS)


def _lines(path: Path) -> list[str]:
    return path.read_text(errors='replace').splitlines() if path.exists() else []
