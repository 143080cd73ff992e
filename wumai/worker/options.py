"""The options of a worker, checked."""

import math
from dataclasses import dataclass, fields

from wumai.error import ConfigError


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """All times are seconds."""

    pick_size: int = 10
    """Jobs taken in one claim."""
    exec_size: int = 10
    """Handlers run at once."""
    exec_timeout: float = 600
    """After which a try is interrupted and fails as a timeout."""
    poll_interval: float = 2
    """Between two looks at the table while nothing is due."""
    lease: float = 60
    """A running job may go without a heartbeat this long before others may rescue it."""
    grace: float = 25
    """Running handlers are given this long to end after SIGTERM."""

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            whole = option.name in ('pick_size', 'exec_size')
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                kind = 'a whole number' if whole else 'a number of seconds'
                raise ConfigError(f'{option.name} must be {kind}, not {value!r}')
            if not math.isfinite(value) or value < 0 or (value == 0 and option.name != 'grace'):
                raise ConfigError(f'{option.name} must be more than 0, not {value!r}')
        if self.lease < 3:
            raise ConfigError(f'lease must be 3 seconds or more, not {self.lease!r}')
