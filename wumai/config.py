"""The settings of a process: attributes of `CONF`, and the environment behind them."""

import os
from collections.abc import Mapping
from typing import Any

from wumai.error import ConfigError


class Config:
    """Settings by attribute; any name an app likes may be set beside wumai's own.

    A name in capitals that was not set is looked up in the environment at each use.
    """

    app_root: str | os.PathLike[str] | None = None
    log_dir: str | os.PathLike[str] | None = None
    debug: bool = False
    max_body: int = 1024 * 1024
    """Bytes of a request body; a larger one is answered with HTTP 413."""
    notify_on: str = 'every'
    """Which failed tries are told to the channels: `every` one, or the `last` of a job."""
    environ: Mapping[str, str] = os.environ

    def apply(self, **settings: Any) -> None:
        """Set several attributes at once."""
        for name, value in settings.items():
            setattr(self, name, value)

    def get(self, name: str, default: Any = None) -> Any:
        """The setting `name`, else the environment's, else `default`. An empty variable is none."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            return self.environ.get(name) or default

    def number(self, name: str, default: int) -> int:
        """The whole number that `get` finds. Raises ConfigError where it is none."""
        try:
            return int(self.get(name, default))
        except ValueError:
            raise ConfigError(f'{name} is no number: {self.get(name)!r}') from None

    def require(self, *names: str) -> None:
        """Raise ConfigError naming each of `names` that is not set, and the call that sets it."""
        missing = [name for name in names if self.get(name) is None]
        if missing:
            example = ', '.join(f'{name}=...' for name in missing)
            raise ConfigError(
                f'{" and ".join(missing)} must be set first: wumai.config.CONF.apply({example})'
            )

    def __getattr__(self, name: str) -> Any:
        # Reached only for a name that is no attribute.
        value = None if name.startswith('__') else self.environ.get(name)
        if value is None:
            raise AttributeError(
                f'CONF has no setting {name!r}: set it with wumai.config.CONF.apply({name}=...)'
                + (f' or the environment variable {name}' if name.isupper() else '')
            )
        return value


CONF = Config()
