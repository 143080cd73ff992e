"""Which handler does an action."""

from collections.abc import Callable, Mapping
from typing import Any

from wumai.common.handlers import fault
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
        if problem := fault(routes, self._handlers, arguments=0):
            raise ConfigError(problem)
        self._handlers.update(routes)

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
