"""Row locks as InnoDB holds them: to the end of the transaction, with waits in virtual time."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from gevent import get_hub
from gevent._waiter import Waiter

from wumai_testing.explore.mysql.errors import DEADLOCK, LOCK_TIMEOUT, LOST, mysql_error

Key = Hashable
_TIMED_OUT, _GRANTED = 'timed out', 'granted'


@dataclass(eq=False, slots=True)
class Owner:
    """A transaction, as far as locks know it."""

    held: dict[Key, None] = field(default_factory=dict)
    wait: '_Wait | None' = None
    weight: int = 0
    """Rows changed: of a circle of waits the lightest one is undone."""


@dataclass(eq=False, slots=True)
class _Wait:
    owner: Owner
    key: Key
    loop: Any
    waiter: Any

    def wake(self, value: object) -> None:
        """On the loop where it waits: that may be another node's, or a dead one's."""
        self.loop.run_callback(self.waiter.switch, value)


@dataclass(eq=False, slots=True)
class _Lock:
    owner: Owner
    queue: deque[_Wait] = field(default_factory=deque)


class Locks:
    """Who holds which row, and who waits for it."""

    def __init__(self) -> None:
        self._locks: dict[Key, _Lock] = {}
        self.waits = 0
        self.deadlocks = 0
        self.timeouts = 0

    def __len__(self) -> int:
        return len(self._locks)

    def is_free(self, key: Key, owner: Owner) -> bool:
        """Whether `owner` would get it without a wait."""
        lock = self._locks.get(key)
        return lock is None or lock.owner is owner

    def acquire(self, key: Key, owner: Owner, patience: float) -> bool:
        """Hold `key`, after a wait if need be; true if it was not held before.

        Raises 1205 after `patience` seconds, and 1213 where waits would go round in a circle.
        """
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = _Lock(owner)
            owner.held[key] = None
            return True
        if lock.owner is owner:
            return False
        self._wait(lock, key, owner, patience)
        return True

    def _wait(self, lock: _Lock, key: Key, owner: Owner, patience: float) -> None:
        hub = get_hub()
        wait = owner.wait = _Wait(owner, key, hub.loop, Waiter(hub))
        lock.queue.append(wait)
        self.waits += 1
        timer = hub.loop.timer(patience)
        try:
            self._break_circle(owner)
            timer.start(wait.waiter.switch, _TIMED_OUT)
            result = wait.waiter.get()
            if result is _TIMED_OUT and key not in owner.held:
                self.timeouts += 1
                raise mysql_error(LOCK_TIMEOUT)
            if isinstance(result, Exception):
                raise result
            if key not in owner.held:  # its connection has ended since the lock was handed to it
                raise mysql_error(LOST)
        finally:
            timer.stop()
            timer.close()
            self._leave_queue(wait)

    def _leave_queue(self, wait: _Wait) -> None:
        if wait.owner.wait is wait:
            wait.owner.wait = None
        lock = self._locks.get(wait.key)
        if lock is not None and wait in lock.queue:
            lock.queue.remove(wait)

    def _break_circle(self, owner: Owner) -> None:
        circle = self._circle(owner)
        if not circle:
            return
        self.deadlocks += 1
        victim = min(circle, key=lambda one: (one.weight, one is not owner))
        if victim is owner:
            raise mysql_error(DEADLOCK)
        self.interrupt(victim, mysql_error(DEADLOCK))

    def _circle(self, owner: Owner) -> list[Owner]:
        found, current = [], owner
        while current.wait is not None:
            found.append(current)
            current = self._locks[current.wait.key].owner
            if current is owner:
                return found
        return []

    def interrupt(self, owner: Owner, error: Exception | None = None) -> None:
        """End the wait of `owner`, if it waits, with an error."""
        wait = owner.wait
        if wait is not None:
            self._leave_queue(wait)
            wait.wake(error or mysql_error(LOST))

    def release(self, key: Key, owner: Owner) -> None:
        """Hand `key` to whoever waited longest."""
        del owner.held[key]
        lock = self._locks[key]
        if not lock.queue:
            del self._locks[key]
            return
        wait = lock.queue.popleft()
        lock.owner = wait.owner
        wait.owner.held[key] = None
        wait.owner.wait = None
        wait.wake(_GRANTED)

    def release_all(self, owner: Owner) -> None:
        for key in list(owner.held):
            self.release(key, owner)
