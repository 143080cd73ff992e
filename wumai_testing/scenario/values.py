"""Values in a step that are known only when it runs: `$name`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

NAME: Final = r'[A-Za-z_][A-Za-z0-9_]*'
IS_NAME: Final = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class Ref:
    """`$name`: what a step before saved under this name, or the id of the job of this alias."""

    name: str

    def __str__(self) -> str:
        return f'${self.name}'


class _Missing(Enum):
    ABSENT = 'absent'

    def __repr__(self) -> str:
        return 'absent'


ABSENT: Final = _Missing.ABSENT
"""There is no such key or item; unlike None, which is JSON's null."""

Value: TypeAlias = Any
"""JSON whose texts may be a Ref: None, bool, int, float, str, Ref, list, dict."""


def resolve(value: Value, names: Mapping[str, Any]) -> Any:
    """`value` with each `$name` replaced by what it stands for. KeyError names one unknown."""
    if isinstance(value, Ref):
        return names[value.name]
    if isinstance(value, dict):
        return {key: resolve(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, names) for item in value]
    return value


def lookup(found: Any, path: Sequence[str]) -> Any:
    """What is found at `path` (keys, and indexes of lists), or ABSENT."""
    for part in path:
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return ABSENT
    return found
