"""The explorer: everything that may go wrong, drawn from a seed and checked.

    from wumai_testing.explore import explore, invariant

    def test_jobs_survive_everything() -> None:
        explore('myapp.jobs', seeds=range(200))

`wumai_testing.explore(...)` is the same function.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wumai_testing.explore.application import App, invariant
    from wumai_testing.explore.exploring import InvariantBroken, NothingRan, explore

__all__ = ['App', 'InvariantBroken', 'NothingRan', 'explore', 'invariant']

_HOMES = {
    'App': 'wumai_testing.explore.application',
    'invariant': 'wumai_testing.explore.application',
    'InvariantBroken': 'wumai_testing.explore.exploring',
    'NothingRan': 'wumai_testing.explore.exploring',
    'explore': 'wumai_testing.explore.exploring',
}


class _Callable(ModuleType):
    """A module that is also the function that it is named for."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.explore(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
