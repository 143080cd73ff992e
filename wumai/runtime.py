"""What a running wumai is made of. Each part is a seam with a system and a virtual peer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from wumai.clock import Clock
from wumai.config import Config
from wumai.entropy import Entropy
from wumai.notify.base import Notifier
from wumai.store.base import Store


class Heartbeat(Protocol):
    """What calls `beat` while jobs run: a native thread, or a timer in a simulation."""

    def start(self, beat: Callable[[Store], float | None], period: float) -> None:
        """Call `beat(store)`, which returns the seconds until the next call: after `period`
        where it returns None, since nothing runs.
        """

    def began(self) -> None:
        """Tries have begun where there were none."""

    def in_hub(self, call: Callable[[], None]) -> None:
        """Run `call` soon on the hub that runs the handlers."""

    def stop(self) -> None:
        """End; no call is under way afterwards."""

    def leave(self, code: int) -> None:
        """End the process at once, with this exit code, whatever else it is doing."""


class Wakeups:
    """Tells the workers of this process that a job was created here."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at each job created; the value returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def created(self) -> None:
        for listener in list(self._listeners):
            listener()


@dataclass
class Runtime:
    """The parts; a `connect` for each set of connections, made when first used."""

    config: Config
    clock: Clock
    entropy: Entropy
    connect: Callable[[str], Store]
    """Makes a store with connections of its own, for the role that is named."""
    notifier: Notifier
    heartbeat: Heartbeat
    worker_name: str
    """This process, as it signs the jobs that it claims."""
    wakeups: Wakeups = field(default_factory=Wakeups)

    @cached_property
    def store(self) -> Store:
        """The application's: Job.create, the journal, db.transaction()."""
        return self.connect('app')

    @cached_property
    def worker_store(self) -> Store:
        """The worker's own, which no handler ever shares."""
        return self.connect('worker')
