"""The errors of wumai.

WumaiError
├── ConfigError      a setting is missing or wrong
├── SchemaError      a table lacks what wumai needs, or cannot hold it
└── ActionError      what an API handler raises to answer with an error code
    ├── iaas_error.*
    └── project_error.*
"""

from collections.abc import Mapping
from typing import Any

# Those that may have a body; 200 is for an app whose clients look at retCode alone.
_STATUSES = {*range(200, 600)} - {204, 205, 304}


class WumaiError(Exception):
    """Whatever wumai raises on purpose."""


class ConfigError(WumaiError):
    """A setting is missing or wrong; the message says which, and how to set it."""


class SchemaError(WumaiError):
    """The database lacks a table or columns, or some do not fit; the message lists them."""


class ActionError(WumaiError):
    """The answer of an action that failed: a code, an HTTP status, a message and data.

    An app sets `code` and `http_status` on a subclass of its own.
    """

    code: int = 5000
    http_status: int = 500
    message: str = ''
    data: Mapping[str, Any] = {}
    stacktrace: str = ''
    """Of a cause elsewhere, as text; it is logged, and shown with `debug` only."""

    def __init__(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = dict(data or {})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Told where the class is written, and not when the first client meets it.
        if type(cls.code) is not int:
            raise TypeError(f'{cls.__name__}.code is to be an int, not {cls.code!r}')
        if type(cls.http_status) is not int or cls.http_status not in _STATUSES:
            raise TypeError(f'{cls.__name__}.http_status cannot be {cls.http_status!r}')


def describe(error: BaseException) -> str:
    """The error in one line: its class and its message, were its `__str__` itself to fail."""
    try:
        text = str(error)
    except Exception:
        text = ''
    name = type(error).__name__
    return f'{name}: {text}' if text else name
