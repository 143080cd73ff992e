"""Places in the code as they are told: `file:line`, short where below the working directory."""

import inspect
import os
from collections.abc import Callable
from typing import Any


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


def of_error(error: BaseException) -> str | None:
    """Where it was raised; None if it never was."""
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return None
    return shown(innermost.tb_frame.f_code.co_filename, innermost.tb_lineno)
