"""Places in the code as they are told: `file:line`, short where below the working directory."""

import inspect
import os
from collections.abc import Callable
from typing import Any

_INSTALLED = {'site-packages', 'dist-packages'}


def shown(path: str, line: int) -> str:
    """`file:line`."""
    return f'{path.removeprefix(os.getcwd() + os.sep)}:{line}'


def of_function(function: Callable[..., Any]) -> str | None:
    """Where it begins; None where its source is not at hand."""
    try:
        file = inspect.getsourcefile(function)
        _, line = inspect.getsourcelines(function)
    except (TypeError, OSError):
        return None
    return shown(file or '', line)


def is_installed(path: str) -> bool:
    """Whether a file belongs to a library that was installed."""
    return not _INSTALLED.isdisjoint(path.split(os.sep))


def of_error(error: BaseException) -> str | None:
    """Where it was raised, or a library called that did; None if it never was."""
    found, step = None, error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if found is None or not is_installed(path):
            found = shown(path, step.tb_lineno)
        step = step.tb_next
    return found
