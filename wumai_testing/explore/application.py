"""The app that is explored: its handlers, its examples, and its own invariants."""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import Session

from wumai.cli.target import load_module
from wumai.common.jsonable import jsonable
from wumai.error import ConfigError, WumaiError, describe
from wumai.model.resource import Resource
from wumai.store import schema
from wumai.worker.actions import Handler
from wumai_testing import places
from wumai_testing.observing import check_handlers

Check = Callable[..., Any]
_MARK = '__wumai_invariant__'
OWN = 'wumai_testing.explore.app'
"""The app that is explored where none is named."""


def invariant(check: Check) -> Check:
    """Mark `check(session)` as an invariant of the app's own tables.

    It is called whenever one of them has changed, with a session that sees what is committed,
    and raises AssertionError, or returns False or a text that says what is wrong.
    """
    setattr(check, _MARK, True)
    return check


class InvariantFailed(WumaiError):
    """An invariant of the app's own raised what does not tell whether it holds."""


def name_of(check: Check) -> str:
    """What an invariant of the app is called where it is told of."""
    return f'{check.__module__}.{check.__name__}'


def broken_invariant(checks: Iterable[Check], session: Session) -> tuple[str, str] | None:
    """The name of the first of these invariants that does not hold, and what is wrong.

    Raises InvariantFailed for one that cannot tell.
    """
    for check in checks:
        try:
            answer = check(session)
        except AssertionError as error:
            answer = str(error).partition('\n')[0] or False
        except Exception as error:
            raise InvariantFailed(
                f'{_shown(check)} raised {describe(error)}, at {places.of_error(error)}'
            ) from error
        if answer is False or isinstance(answer, str):
            return name_of(check), answer or 'it does not hold'
    return None


def _shown(check: Check) -> str:
    return f'invariant {name_of(check)} ({places.of_function(check)})'


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
    name = app or OWN
    module = load_module(name) if isinstance(name, str) else name
    if not getattr(module, 'job_routes', None):
        raise ConfigError(
            f'{module.__name__} has no `job_routes = {{"ActionName": handler}}`, '
            'which the workers are to run'
        )
    check_handlers(module.job_routes)
    found = App(
        name=module.__name__,
        job_routes=module.job_routes,
        routes=getattr(module, 'routes', {}),
        examples=getattr(module, 'examples', {}),
        invariants=invariants_of(module),
        metadata=metadata_of(module),
    )
    _check_examples(found)
    return found


def invariants_of(module: ModuleType) -> list[Check]:
    """The functions of a module that are marked with `@invariant`. Raises ConfigError for one that
    cannot be called with a session.
    """
    found = [value for value in vars(module).values() if _is_invariant(value)]
    for check in found:
        if inspect.iscoroutinefunction(check):
            raise ConfigError(f'{_shown(check)} is async, and nobody awaits it')
        try:
            inspect.signature(check, follow_wrapped=False).bind(None)
        except TypeError as error:
            raise ConfigError(
                f'{_shown(check)} is called with one argument, the session ({error})'
            ) from None
    return found


def _check_examples(app: App) -> None:
    for action, examples in app.examples.items():
        if action not in app.actions:
            raise ConfigError(
                f'{app.name} has `examples` of {action}, but no such action: '
                f'there are {", ".join(app.actions)}'
            )
        if isinstance(examples, Mapping) or not all(isinstance(one, Mapping) for one in examples):
            raise ConfigError(f'{app.name}: examples[{action!r}] is to be a list of params')
        for number, params in enumerate(examples):
            # A call is sent as a client sends it, a job is stored as Job.create does.
            default = None if action in app.routes else jsonable
            try:
                json.dumps(params, allow_nan=False, default=default)
            except (TypeError, ValueError, RecursionError) as error:
                raise ConfigError(
                    f'{app.name}: examples[{action!r}][{number}] is not JSON: {error}'
                ) from None


def _is_invariant(value: Any) -> bool:
    # Statically: flask's `request` allows no look at it here.
    return inspect.getattr_static(value, _MARK, False) is True


def metadata_of(module: ModuleType) -> list[MetaData]:
    """The tables of a module that are neither wumai's nor a Resource's."""
    found: dict[int, MetaData] = {}
    for value in vars(module).values():
        if not isinstance(value, MetaData | Table | type):
            continue
        metadata = value if isinstance(value, MetaData) else getattr(value, 'metadata', None)
        if isinstance(metadata, MetaData) and metadata not in (schema.metadata, Resource.metadata):
            found[id(metadata)] = metadata
    return list(found.values())
