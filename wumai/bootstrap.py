"""The composition root: the only file that names the concrete classes of a runtime."""

import os
import socket
from collections.abc import Callable

from wumai import logger
from wumai.clock import Clock, SystemClock
from wumai.config import CONF, Config
from wumai.entropy import RandomEntropy
from wumai.notify.fanout import Fanout, channels_from
from wumai.runtime import Runtime, Wakeups
from wumai.store.base import Store
from wumai.store.engine import ROLES, Role, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai.wire.base import Port, Wire
from wumai.worker.heartbeat import ThreadHeartbeat

NO_REDIS = "REDIS_HOST is set, but not used: pip install 'wumai[redis]'"
QUICKEST_POLL = 0.02
"""Seconds between two looks of a worker that is busy, where nobody tells it of new jobs."""


def runtime_from(conf: Config) -> Runtime:
    """The runtime that the settings ask for. No connection is made before it is needed."""
    clock, entropy = SystemClock(), RandomEntropy()
    process = f'{socket.gethostname()}:{os.getpid()}:{entropy.nonce()}'

    def opened(role: Role) -> Store:
        return SqlStore(make_engine(database_url(conf), role, clock))

    def wire() -> Wire | None:
        port = port_from(conf, clock)
        return Wire(port, process, clock, entropy) if port else None

    return Runtime(
        config=conf,
        clock=clock,
        entropy=entropy,
        connect=lambda role: opened(ROLES[role]),
        notifier=Fanout(channels_from(conf), clock, notify_on=conf.notify_on),
        heartbeat=ThreadHeartbeat(lambda patience: opened(ROLES['heartbeat'].within(patience))),
        worker_name=process,
        wakeups=Wakeups(wire),
        quickest_poll=QUICKEST_POLL,
    )


def port_from(conf: Config, clock: Clock) -> Port | None:
    """Where the processes of an app tell each other of jobs: Redis, else PostgreSQL, else none."""
    url = database_url(conf)
    if host := conf.get('REDIS_HOST'):
        return _redis_port(conf, host, f'wumai:{url.database}')
    if url.get_backend_name() == 'postgresql':
        from wumai.wire.postgresql import PostgresqlPort

        return PostgresqlPort(make_engine(url, ROLES['wire'], clock))
    return None


def _redis_port(conf: Config, host: str, channel: str) -> Port | None:
    try:
        from wumai.wire.redis import RedisPort
    except ImportError:
        logger.warning(NO_REDIS)
        return None
    return RedisPort(host, conf.number('REDIS_PORT', 6379), conf.get('REDIS_PASSWORD'), channel)


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
