"""The composition root: the only file that names the concrete classes of a runtime."""

import os
import socket
from collections.abc import Callable

from wumai.clock import SystemClock
from wumai.config import CONF, Config
from wumai.entropy import RandomEntropy
from wumai.notify.fanout import Fanout, channels_from
from wumai.runtime import Runtime
from wumai.store.base import Store
from wumai.store.engine import ROLES, Role, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai.worker.heartbeat import ThreadHeartbeat


def runtime_from(conf: Config) -> Runtime:
    """The runtime that the settings ask for. No connection is made before it is needed."""
    clock, entropy = SystemClock(), RandomEntropy()

    def opened(role: Role) -> Store:
        return SqlStore(make_engine(database_url(conf), role, clock))

    return Runtime(
        config=conf,
        clock=clock,
        entropy=entropy,
        connect=lambda role: opened(ROLES[role]),
        notifier=Fanout(channels_from(conf), clock, notify_on=conf.notify_on),
        heartbeat=ThreadHeartbeat(lambda patience: opened(ROLES['heartbeat'].within(patience))),
        worker_name=f'{socket.gethostname()}:{os.getpid()}:{entropy.nonce()}',
    )


_default: Runtime | None = None


def _default_runtime() -> Runtime:
    global _default
    if _default is None:
        _default = runtime_from(CONF)
    return _default


_provide: Callable[[], Runtime] = _default_runtime


def current() -> Runtime:
    """The runtime that `Job` and `db` mean where the code runs."""
    return _provide()


def provide(provider: Callable[[], Runtime] | None) -> None:
    """Let `provider` say which runtime is current; None is the one built from CONF."""
    global _provide, _default
    _provide = provider or _default_runtime
    if provider is None:
        _default = None
