"""Handlers, looked at before any is called."""

import functools
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from wumai.common.handlers import fault


def with_session(handler: Callable[[str], Any]) -> Callable[[], Any]:
    @functools.wraps(handler)
    def wrapper() -> Any:
        return handler('session')

    return wrapper


class Handlers:
    def take(self, job: object) -> None:
        """One beside self."""

    def __call__(self, job: object, *, limit: int = 5) -> None:
        """Likewise."""


@pytest.mark.parametrize(
    ('handler', 'arguments'),
    [
        (with_session(lambda session: session), 0),
        (functools.partial(lambda one, job: None, 1), 1),
        (Handlers().take, 1),
        (Handlers(), 1),
        (lambda *arguments, **options: None, 1),
        (lambda job=None: None, 0),
        (Mock(), 1),
        (dict, 0),
        (max, 1),
    ],
)
def test_what_can_be_called(handler: Any, arguments: int) -> None:
    """Whatever it is, and however it came about."""
    assert fault({'Act': handler}, {}, arguments) is None


@pytest.mark.parametrize(
    ('handler', 'arguments'),
    [
        (lambda job: None, 0),
        (lambda: None, 1),
        (lambda job, more: None, 1),
        (lambda job, *, more: None, 1),
        (Handlers.take, 1),
    ],
)
def test_what_cannot_be_called_like_this(handler: Any, arguments: int) -> None:
    """Is told with the place of the code."""
    told = fault({'Act': handler}, {}, arguments)
    assert told is not None
    assert told.startswith("the handler of 'Act' is called with")
    line = handler.__code__.co_firstlineno
    assert told.endswith(f'{__file__}:{line}')
