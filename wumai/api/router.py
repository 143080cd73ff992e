"""Which handler does an action."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from wumai.error import ActionError, ConfigError

Handler = Callable[[], dict[str, Any]]

_SHOWN = 64


class UnknownAction(ActionError):
    """No handler was routed for the action."""

    code, http_status = 4000, 404

    def __init__(self, action: str) -> None:
        shown = action if len(action) <= _SHOWN else action[:_SHOWN] + '...'
        super().__init__(f'unknown action {shown}', {'action': shown})


class Router:
    """Actions and their handlers."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def route(self, routes: Mapping[str, Handler]) -> None:
        """Add `routes`, all or, with a ConfigError, none of them."""
        for action, handler in routes.items():
            self._check(action, handler)
        self._handlers.update(routes)

    def _check(self, action: object, handler: object) -> None:
        if not isinstance(action, str) or not action:
            raise ConfigError(f'a route is to be named by its action, a str, not by {action!r}')
        if not callable(handler):
            raise ConfigError(f'the handler of {action!r} cannot be called: {handler!r}')
        if inspect.iscoroutinefunction(handler):
            raise ConfigError(f'the handler of {action!r} is async; wumai runs on gevent')
        if self._handlers.get(action, handler) is not handler:
            raise ConfigError(
                f'{action!r} has two handlers: {self._handlers[action]!r}, {handler!r}'
            )

    def find(self, action: str) -> Handler:
        """The handler of `action`. Raises UnknownAction."""
        try:
            return self._handlers[action]
        except KeyError:
            raise UnknownAction(action) from None

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """All that were routed."""
        return self._handlers
