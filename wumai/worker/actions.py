"""Which function does an action: routes, or the app's `model/job/action.py`."""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from wumai.common.handlers import fault
from wumai.config import Config
from wumai.error import ConfigError

Handler = Callable[[Any], Any]

_MODULE = Path('model', 'job', 'action.py')
_NAME = 'model.job.action'


class UnknownAction(Exception):
    """No handler of this worker does the action; a newer worker may."""


class Actions:
    """Handlers by the names of their actions."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def route(self, handlers: Mapping[str, Handler]) -> None:
        """Add `handlers`, all or, with a ConfigError, none of them."""
        if problem := fault(handlers, self._handlers, arguments=1):
            raise ConfigError(problem)
        self._handlers.update(handlers)

    def find(self, action: str) -> Handler:
        """The handler of `action`. Raises UnknownAction."""
        try:
            return self._handlers[action]
        except KeyError:
            names = {name.lower(): name for name in self._handlers}
            near = get_close_matches(action.lower(), names, n=1)
            hint = f'; the nearest of those routed is {names[near[0]]!r}' if near else ''
            raise UnknownAction(f'no handler for the action {action!r}{hint}') from None

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def __contains__(self, action: str) -> bool:
        return action in self._handlers

    def __iter__(self) -> Iterator[str]:
        return iter(self._handlers)

    def load(self, conf: Config) -> None:
        """Route the functions of `<app_root>/model/job/action.py`: create_instance does
        CreateInstance. Raises ConfigError where the file is missing or holds no function.
        """
        conf.require('app_root')
        path = Path(conf.app_root or '') / _MODULE
        if not path.is_file():
            raise ConfigError(
                f'the worker has no handlers: call worker.route({{"ActionName": function}}), '
                f'or write them into {path}'
            )
        module = _load(path)
        # As they are: a helper of the module may take other arguments than a job.
        self._handlers.update(
            {
                camel_case(name): value
                for name, value in vars(module).items()
                if callable(value)
                and not isinstance(value, type)
                and not name.startswith('_')
                and getattr(value, '__module__', None) == module.__name__
            }
        )
        if not self:
            raise ConfigError(f'{path} holds no function that could do an action')


def _load(path: Path) -> ModuleType:
    root = str(path.parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)
    known = sys.modules.get(_NAME)
    if known is not None and known.__file__ and path.samefile(known.__file__):
        return known
    spec = importlib.util.spec_from_file_location(_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[_NAME] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_NAME]
        raise
    return module


def camel_case(name: str) -> str:
    """create_instance -> CreateInstance."""
    return re.sub(r'(?:^|_)([a-z0-9])', lambda match: match[1].upper(), name)
