"""What a running wumai is made of. Each part is a seam with a system and a virtual peer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from wumai.clock import Clock
from wumai.config import Config
from wumai.entropy import Entropy
from wumai.notify.base import Notifier
from wumai.store.base import Store
from wumai.wire.base import Wire


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
    """Tells workers that a job was created: of this process, and by `wire` of others."""

    def __init__(self, wire: Callable[[], Wire | None] = lambda: None) -> None:
        self._listeners: list[Callable[[Sequence[str]], None]] = []
        self._make_wire = wire

    @cached_property
    def _wire(self) -> Wire | None:
        return self._make_wire()

    @property
    def everywhere(self) -> bool:
        """Whether jobs that other processes create are told here."""
        return self._wire is not None and self._wire.connected

    def listen(self, created: Callable[[Sequence[str]], None]) -> Callable[[], None]:
        """Call `created` with the ids of jobs that are created in this process and due, none
        where they are not known; the value returned ends that.
        """
        self._listeners.append(created)
        return lambda: self._listeners.remove(created)

    def hear(self, created: Callable[[], None]) -> Callable[[], None]:
        """Call `created` when other processes have created jobs; the value returned ends that."""
        return self._wire.hear(created) if self._wire else lambda: None

    def created(self, ids: Sequence[str] = (), *, elsewhere: bool = True) -> None:
        """A job is in the database; told to other processes too, unless it is not for now."""
        for listener in list(self._listeners):
            listener(ids)
        if elsewhere and self._wire:
            self._wire.send()


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
    quickest_poll: float | None = None
    """Seconds between two looks of a worker that has just taken a job, where nobody tells it of
    the next one. They grow to poll_interval while it is idle; None is poll_interval always.
    """

    @cached_property
    def store(self) -> Store:
        """The application's: Job.create, the journal, db.transaction()."""
        return self.connect('app')

    @cached_property
    def worker_store(self) -> Store:
        """The worker's own, which no handler ever shares."""
        return self.connect('worker')
