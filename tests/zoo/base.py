"""What a bug of the zoo is, and how it takes the place of a part of wumai."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LOST = 'lost'
DOUBLE = 'double'
STUCK = 'stuck'
RACE = 'claim race'
STALE = 'stale write'
DOUBT = 'commit in doubt'
OFF_BY_ONE = 'off by one'
BACK_OFF = 'wrong back-off'
TIMEOUT = 'timeout not enforced'
TELLING = 'notification'
SHUTDOWN = 'shutdown loss'
POISON = 'poison loop'
CLOCK = 'time zone and clock'
STARVATION = 'starvation'
LEAK = 'leak'
CONTROL = 'control'

TWO = 'two workers and a fault'
MYSQL = "MySQL's semantics"
FENCE = 'a fence or a doubt'

Real = Callable[..., Any]


class Wrap:
    """A function that takes the place of another, which it gets as its first argument."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def around(self, real: Any) -> Any:
        function = self.function
        if isinstance(real, property):
            return property(lambda owner: function(real.fget, owner))
        plain = real.__func__ if isinstance(real, staticmethod) else real

        def planted(*args: Any, **kwargs: Any) -> Any:
            return function(plain, *args, **kwargs)

        return staticmethod(planted) if isinstance(real, staticmethod) else planted


@dataclass(frozen=True)
class Bug:
    """A mutation of wumai, as a bug would make it."""

    name: str
    what: str
    """One sentence."""
    kind: str
    breaks: tuple[int | str, ...]
    """Invariants of section 6 of the design by their numbers, and what goes beyond them."""
    issue: str
    """Where it was seen: `owner/repository#number`."""
    title: str
    """Of that issue."""
    needs: frozenset[str]
    """What must come together for it to show."""
    targets: Mapping[str, Any]
    """What it replaces, as `module:attribute`, each with a Wrap or the new value."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """wumai with this bug."""
        undo: list[tuple[Any, str, Any]] = []
        try:
            for target, value in self.targets.items():
                owner, name, real = found(target)
                undo.append((owner, name, real))
                setattr(owner, name, value.around(real) if isinstance(value, Wrap) else value)
            yield
        finally:
            for owner, name, real in reversed(undo):
                setattr(owner, name, real)


def found(target: str) -> tuple[Any, str, Any]:
    """The owner of a target, its name there, and what stands there now."""
    module, _, path = target.partition(':')
    *owners, name = path.split('.')
    owner: Any = importlib.import_module(module)
    for step in owners:
        owner = getattr(owner, step)
    static = inspect.getattr_static(owner, name)
    if name not in vars(owner):
        raise LookupError(f'{target} is inherited: name the class that defines it')
    return owner, name, static


BUGS: dict[str, Bug] = {}


def bug(
    target: str,
    *,
    kind: str,
    breaks: Iterable[int | str],
    issue: str,
    title: str,
    needs: Iterable[str] = (),
    also: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Plant the decorated function in the place of `target`; its first argument is the real one.

    Its name is the bug's, its docstring says what breaks. `also` names what is replaced besides.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        targets = {target: Wrap(function), **(also or {})}
        what = ' '.join((function.__doc__ or '').split())
        facts = (kind, tuple(breaks), issue, title, frozenset(needs), targets)
        _add(Bug(function.__name__.replace('_', '-'), what, *facts))
        return function

    return register


def values(
    name: str,
    what: str,
    targets: Mapping[str, Any],
    *,
    kind: str,
    breaks: Iterable[int | str],
    issue: str,
    title: str,
    needs: Iterable[str] = (),
) -> None:
    """A bug that is nothing but other values in the place of `targets`."""
    _add(Bug(name, what, kind, tuple(breaks), issue, title, frozenset(needs), dict(targets)))


def _add(one: Bug) -> None:
    if one.name in BUGS:
        raise ValueError(f'the zoo has a {one.name} already')
    BUGS[one.name] = one
