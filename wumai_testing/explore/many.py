"""Many seeds, in one process or in several, until they are done or time is up."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any

from wumai_testing.explore.application import App, load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.options import draw_plan
from wumai_testing.explore.plan import Plan
from wumai_testing.explore.world import Mutate, unchanged

CHUNK = 5
"""Seeds that a process is given at a time."""
WORKERS = 3
"""Of a run, unless told otherwise."""
MOST_BROKEN = 5
"""After so many no further ones are looked for."""
PATIENCE = 10.0
"""Seconds that are given to the seeds that run when no more are wanted, before they are killed."""

_clock = time.perf_counter  # which is real, also in virtual time


@dataclass(frozen=True)
class Settings:
    """What all runs have in common."""

    module: str | None = None
    """The app's module; None is the explorer's own."""
    workers: int = WORKERS
    kinds: Collection[str] | None = None
    """Kinds of faults that may be drawn; None is all."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """create_worker's that are not drawn."""
    url: str | None = None
    """A real database: `sqlite`, or a server's URL."""

    def plan(self, seed: int, app: App) -> Plan:
        return draw_plan(
            seed,
            app.actions,
            app.examples,
            workers=self.workers,
            kinds=self.kinds,
            options=self.options,
            calls=app.routes,
        )


@dataclass
class Tally:
    """What some seeds have shown."""

    runs: int = 0
    virtual: float = 0.0
    """Seconds of virtual time."""
    reached: Counter[str] = field(default_factory=Counter)
    broken: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    """Real ones, all in all."""

    def add(self, other: 'Tally') -> None:
        self.runs += other.runs
        self.virtual += other.virtual
        self.reached.update(other.reached)
        self.broken += other.broken


def run_seeds(
    settings: Settings, seeds: Iterable[int], app: App | None = None, mutate: Mutate = unchanged
) -> Tally:
    """Run these seeds one after another here."""
    app = app or load_app(settings.module)
    tally = Tally()
    for seed in seeds:
        result = run(settings.plan(seed, app), app, mutate, keep=False, url=settings.url)
        tally.runs += 1
        tally.virtual += result.seconds
        tally.reached.update(result.reached)
        if result.broken is not None:
            tally.broken.append(result)
    return tally


def run_many(
    settings: Settings,
    seeds: Sequence[int],
    *,
    app: App | None = None,
    mutate: Mutate = unchanged,
    processes: int = 1,
    seconds: float | None = None,
    most_broken: int = MOST_BROKEN,
    progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Run the seeds, at most `seconds` long, until `most_broken` of them break an invariant;
    `progress` is called now and then.
    """
    total, began = Tally(), _clock()
    chunks = _chunks(seeds)
    tallies = (
        (run_seeds(settings, chunk, app, mutate) for chunk in chunks)
        if processes <= 1
        else _from_processes(settings, chunks, processes, began + seconds if seconds else None)
    )
    with closing(tallies):
        for tally in tallies:
            total.add(tally)
            total.seconds = _clock() - began
            progress(total)
            if len(total.broken) >= most_broken or (seconds and total.seconds >= seconds):
                break
    total.broken.sort(key=lambda result: result.plan.seed)
    return total


def _chunks(seeds: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(seeds)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _from_processes(
    settings: Settings, chunks: Iterator[list[int]], processes: int, until: float | None
) -> Generator[Tally, None, None]:
    # Spawned, not forked: a fork of a process with gevent's hub in it is no good beginning.
    context = multiprocessing.get_context('spawn')
    over = context.Event()
    earlier = set(multiprocessing.active_children())
    with ProcessPoolExecutor(processes, context, _begin, (over,)) as pool:
        waiting: set[Future[Tally]] = set()
        try:
            while True:
                with _interrupts_blocked():
                    for chunk in islice(chunks, 2 * processes - len(waiting)):
                        waiting.add(pool.submit(_run_chunk, settings, chunk))
                if not waiting:
                    return
                left = None if until is None else max(until - _clock(), 0.0)
                done, waiting = wait(waiting, left, return_when=FIRST_COMPLETED)
                if not done:
                    return
                for future in done:
                    yield future.result()
        finally:
            over.set()  # what has not begun ends at once; a pool trips over what is cancelled
            try:
                wait(waiting, PATIENCE)
            finally:  # of a second Ctrl-C, too
                if not all(future.done() for future in waiting):
                    for process in set(multiprocessing.active_children()) - earlier:
                        process.kill()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal: those that are begun here leave it to us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a process of the pool.

_over: Any = None
"""The event that says that no more seeds are wanted."""


def _begin(over: Any) -> None:
    global _over
    _over = over
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Nobody else ends this process where the parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_chunk(settings: Settings, chunk: Sequence[int]) -> Tally:
    return run_seeds(settings, takewhile(lambda _: not _over.is_set(), chunk))
