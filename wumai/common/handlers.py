"""Handlers by their actions, looked at before any is called."""

import inspect
from collections.abc import Mapping


def fault(routes: object, known: Mapping[str, object], arguments: int) -> str | None:
    """What is wrong with `routes` beside those that are `known`, if anything is: each handler is
    to be called with so many arguments.
    """
    if not isinstance(routes, Mapping):
        return f'routes are a dict of actions and handlers, not {routes!r}'
    for action, handler in routes.items():
        if not isinstance(action, str) or not action:
            return f'a route is to be named by its action, a str, not by {action!r}'
        if problem := _misfit(handler, arguments):
            return f'the handler of {action!r} {problem}: {_shown(handler)}'
        if known.get(action, handler) is not handler:
            return f'{action!r} has two handlers: {_shown(known[action])} and {_shown(handler)}'
    return None


def _misfit(handler: object, arguments: int) -> str | None:
    if not callable(handler):
        return 'cannot be called'
    if inspect.iscoroutinefunction(handler):
        return 'is async, and wumai runs on gevent'
    try:
        # Of what is called, not of what a decorator has wrapped: that may be given more.
        signature = inspect.signature(handler, follow_wrapped=False)
    except (TypeError, ValueError):  # some of C tell none
        return None
    try:
        signature.bind(*(None,) * arguments)
    except TypeError as error:
        called = 'with one argument, the job' if arguments else 'without an argument'
        return f'is called {called} ({error})'
    return None


def _shown(handler: object) -> str:
    """Where it is in the code, if it has a place there."""
    code = getattr(inspect.unwrap(handler), '__code__', None)  # type: ignore[arg-type]
    return f'{code.co_filename}:{code.co_firstlineno}' if code else repr(handler)
