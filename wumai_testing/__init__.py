"""The production servers of wumai in virtual time: fixtures, scenarios and simulation."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which knows of no module that is a function, too
    from wumai_testing.explore.exploring import explore as explore


def __getattr__(name: str) -> Any:
    # Imported when it is used: the pytest plugin is to import nothing of ours.
    if name == 'explore':
        import importlib

        return importlib.import_module('wumai_testing.explore')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
