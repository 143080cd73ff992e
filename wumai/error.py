"""The errors of wumai.

WumaiError
├── ConfigError      a setting is missing or wrong
├── SchemaError      a table lacks what wumai needs
└── ActionError      what an API handler raises to answer with an error code
    ├── iaas_error.*
    └── project_error.*
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class WumaiError(Exception):
    """Whatever wumai raises on purpose."""


class ConfigError(WumaiError):
    """A setting is missing or wrong; the message says which, and how to set it."""


class SchemaError(WumaiError):
    """The database lacks a table or columns; the message lists them."""


class ActionError(WumaiError):
    """The answer of an action that failed: a code, an HTTP status, a message and data.

    An app sets `code` and `http_status` on a subclass of its own.
    """

    code: ClassVar[int] = 5000
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data: dict[str, Any] = dict(data or {})
