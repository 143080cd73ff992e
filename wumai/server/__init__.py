"""The two servers over one database."""

from typing import TYPE_CHECKING, Any

from wumai import bootstrap, logger
from wumai.config import CONF
from wumai.error import ConfigError
from wumai.runtime import Runtime
from wumai.server.patch import patch_all
from wumai.server.worker import Worker
from wumai.worker.options import WorkerOptions

if TYPE_CHECKING:
    from wumai.server.api import Api

__all__ = ['Api', 'Worker', 'create_api', 'create_worker']


def create_api(name: str = 'api', debug: bool = False, *, runtime: Runtime | None = None) -> 'Api':
    """An API server; its logs go to `<log_dir>/<name>`. With `debug`, answers to errors hold
    tracebacks, and the logs are shown on standard error too.

    Patches the process for gevent, unless it is given a `runtime`. Raises ConfigError.
    """
    from wumai.server.api import Api

    return Api(name, debug=debug, runtime=runtime or _prepare(name, debug))


def create_worker(
    pick_size: int = 10,
    exec_size: int = 10,
    exec_timeout: float = 600,
    gevent: bool = True,
    *,
    poll_interval: float = 2,
    lease: float = 60,
    grace: float = 25,
    runtime: Runtime | None = None,
) -> Worker:
    """A worker; its logs go to `<log_dir>/worker`. Times are seconds, see WorkerOptions.

    Patches the process for gevent, unless it is given a `runtime`. Raises ConfigError.
    """
    if not gevent:
        raise ConfigError('gevent=False: gevent is the only supported model of concurrency')
    options = WorkerOptions(pick_size, exec_size, exec_timeout, poll_interval, lease, grace)
    return Worker(runtime or _prepare('worker', debug=CONF.debug), options)


def _prepare(name: str, debug: bool) -> Runtime:
    CONF.require('app_root', 'log_dir')
    CONF.check()
    patch_all()
    logger.setup(name, CONF.log_dir or '', debug=debug)
    return bootstrap.current()


def __getattr__(name: str) -> Any:
    # A worker goes without Flask: 7 MiB of memory, and a tenth of its start.
    if name == 'Api':
        from wumai.server.api import Api

        return Api
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
