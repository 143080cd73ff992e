"""`module:name` on the command line: the object of the app that it names."""

import difflib
import importlib
import inspect
import os
import re
import sys
import traceback
from typing import Any, TypeVar

from wumai.error import WumaiError, describe

T = TypeVar('T')

_TARGET = re.compile(r'([\w.]+)(?::([\w.]+)(\(\))?)?')


class TargetError(WumaiError):
    """What the command line names cannot be had; the message tells why, and where."""


def load(target: str, kind: type[T], maker: str) -> T:
    """The `kind` that `target` names: `module:name`, `module:factory()`, or `module` alone, whose
    name is then that of the kind. Raises TargetError.
    """
    found = load_any(target, kind.__name__.lower())
    if isinstance(found, kind):
        return found
    if inspect.isroutine(found):
        raise TargetError(f'{target} is a function: write {target}() to call it')
    raise TargetError(f'{target} is a {type(found).__name__}, not what {maker}() returns')


def load_any(target: str, *defaults: str) -> Any:
    """Whatever `target` names; of a module alone, the first of `defaults` that it has. Raises
    TargetError.
    """
    match = _TARGET.fullmatch(target)
    if match is None:
        raise TargetError(f'{target!r} is not in the form module:name or module:factory()')
    module, call = match[1], match[3]
    loaded = load_module(module)
    name = match[2] or next((one for one in defaults if hasattr(loaded, one)), defaults[0])
    found = _attribute(loaded, module, name)
    if not call:
        return found
    if not callable(found):
        raise TargetError(f'{module}:{name} cannot be called: write it without ()')
    try:
        return found()
    except Exception as error:
        raise TargetError(f'{target}: {_told(error)}') from error


def load_module(name: str) -> Any:
    """The module `name`, looked for in the working directory too. Raises TargetError."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f'{error.name}.')):
            raise TargetError(
                f'there is no module {error.name!r} in {here} nor elsewhere on sys.path'
            ) from None
        raise TargetError(f'cannot import {name}: {_told(error)}') from error
    except Exception as error:
        raise TargetError(f'cannot import {name}: {_told(error)}') from error


def _attribute(module: Any, module_name: str, name: str) -> Any:
    found = module
    for part in name.split('.'):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise TargetError(f'{module_name} has no {part!r}{_guess(found, part)}') from None
    return found


def _guess(holder: Any, name: str) -> str:
    public = [one for one in dir(holder) if not one.startswith('_')]
    near = difflib.get_close_matches(name, public, n=1)
    return f': did you mean {near[0]!r}?' if near else ''


def _told(error: BaseException) -> str:
    """The error with the place in the app's code where it came from."""
    place = _place(error)
    return f'{place}: {describe(error)}' if place else describe(error)


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ''  # says it itself
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith('<') and not _is_library(frame.filename)
    ]
    return f'{frames[-1].filename}:{frames[-1].lineno}' if frames else ''


def _is_library(filename: str) -> bool:
    ours = os.path.dirname(os.path.dirname(__file__)) + os.sep
    samples = os.path.join(os.path.dirname(__file__), 'demo_app') + os.sep
    if filename.startswith(samples):
        return False
    standard = os.path.dirname(os.__file__) + os.sep
    return 'site-packages' in filename or filename.startswith((ours, standard))
