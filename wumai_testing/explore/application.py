"""The app that is explored: its handlers, its examples, and its own invariants."""

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sqlalchemy import MetaData, Table

from wumai.error import ConfigError
from wumai.model.resource import Resource
from wumai.store import schema
from wumai.worker.actions import Handler

Check = Callable[..., Any]
_MARK = '__wumai_invariant__'


def invariant(check: Check) -> Check:
    """Mark `check(session)` as an invariant of the app's own tables.

    It is called whenever one of them has changed, with a session that sees what is committed,
    and raises AssertionError, or returns False or a text that says what is wrong.
    """
    setattr(check, _MARK, True)
    return check


@dataclass(frozen=True)
class App:
    """What a module offers to the explorer."""

    name: str
    job_routes: Mapping[str, Handler]
    routes: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    invariants: Sequence[Check] = ()
    metadata: Sequence[MetaData] = ()
    """Its own tables, besides those of Resource."""

    @property
    def actions(self) -> list[str]:
        """All that a run may ask for, in an order that hangs on nothing."""
        return sorted({*self.job_routes, *self.routes})


def load_app(app: 'App | ModuleType | str | None' = None) -> App:
    """The app of a module or of its name; None is the explorer's own."""
    if isinstance(app, App):
        return app
    module = app if isinstance(app, ModuleType) else _import(app or 'wumai_testing.explore.app')
    found = App(
        name=module.__name__,
        job_routes=getattr(module, 'job_routes', {}),
        routes=getattr(module, 'routes', {}),
        examples=getattr(module, 'examples', {}),
        invariants=[value for value in vars(module).values() if _is_invariant(value)],
        metadata=_metadata(module),
    )
    if not found.actions:
        raise ConfigError(f'{found.name} has neither `routes` nor `job_routes`')
    return found


def _is_invariant(value: Any) -> bool:
    # Statically: flask's `request` allows no look at it here.
    return inspect.getattr_static(value, _MARK, False) is True


def _metadata(module: ModuleType) -> list[MetaData]:
    found: dict[int, MetaData] = {}
    for value in vars(module).values():
        if not isinstance(value, MetaData | Table | type):
            continue
        metadata = value if isinstance(value, MetaData) else getattr(value, 'metadata', None)
        if isinstance(metadata, MetaData) and metadata not in (schema.metadata, Resource.metadata):
            found[id(metadata)] = metadata
    return list(found.values())


def _import(name: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f'there is no module {name}: {error}') from None
