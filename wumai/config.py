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
    db_log: bool = False
    """Whether db.log has each SQL statement."""
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

    def check(self) -> None:
        """Raise ConfigError for one of wumai's own settings with which no server could serve."""
        for name in ('app_root', 'log_dir'):
            if not isinstance(self.get(name), str | os.PathLike | None):
                raise ConfigError(f'{name} must be a path, not {self.get(name)!r}')
        if type(self.max_body) is not int or self.max_body < 1:
            raise ConfigError(f'max_body must be a number of bytes, not {self.max_body!r}')
        for name in ('debug', 'db_log'):
            if type(self.get(name)) is not bool:  # 'no' would be true
                raise ConfigError(f'{name} must be True or False, not {self.get(name)!r}')
        for name in ('SLACK_WEBHOOK_URL', 'NOTIFY_SMS_URL', 'NOTIFY_SMS_UR'):
            url = self.get(name)
            if url and not str(url).startswith(('https://', 'http://')):  # it may be a secret
                raise ConfigError(f'{name} is no URL that begins with https:// or http://')

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
