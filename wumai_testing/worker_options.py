"""The options of create_worker, where a test gives them."""

from collections.abc import Mapping
from typing import Any, TypedDict

from wumai.error import ConfigError
from wumai.worker.options import WorkerOptions


class WorkerSettings(TypedDict, total=False):
    """What may be given; each is explained in WorkerOptions."""

    pick_size: int
    exec_size: int
    exec_timeout: float
    poll_interval: float
    lease: float
    grace: float


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ConfigError where create_worker would take one of them for a mistake."""
    for name, value in options.items():
        if name not in WorkerSettings.__annotations__:
            known = ', '.join(WorkerSettings.__annotations__)
            raise ConfigError(f'{name!r} is no option of create_worker: there are {known}')
        WorkerOptions(**{name: value})
