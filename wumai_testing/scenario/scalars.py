"""What a plain (unquoted) YAML scalar stands for.

YAML 1.1 and 1.2 disagree about many of them, and so do the programs that read them. What both
read alike has a type here. What they read differently is refused with the two ways to write it,
except dates and times: they are text, as in 1.2, and mean what the key that holds them wants.
"""

import math
import re
from typing import TypeAlias

Atom: TypeAlias = str | int | float | bool | None

_NULLS = ('', '~', 'null', 'Null', 'NULL')
_BOOLEANS = {
    spelling: value
    for value, word in ((True, 'true'), (False, 'false'))
    for spelling in (word, word.capitalize(), word.upper())
}
_WORDS = {'yes': 'true', 'on': 'true', 'no': 'false', 'off': 'false'}
_INTEGER = re.compile(r'-?(?:0|[1-9][0-9]*)')
_FLOAT = re.compile(r'-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?')
_LONGEST_NUMBER = 300

_TRAPS = (
    (
        re.compile(r'[-+]?[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?'),
        'some read it as a number in base 60; write a duration as 1m30s, or quote the text: "{}"',
    ),
    (
        re.compile(r'[-+]?0[0-9_]+'),
        'some read its leading zero as octal; write the number without it, or quote the text: "{}"',
    ),
    (
        re.compile(r'[-+]?0[xob][0-9a-fA-F_]+'),
        'write the number in decimal, or quote the text: "{}"',
    ),
    (
        re.compile(r'[-+]?[0-9]+(?:_+[0-9]*)+(?:\.[0-9_]*)?'),
        'write the number without _, or quote the text: "{}"',
    ),
    (
        re.compile(r'\+[0-9]+(?:\.[0-9]*)?'),
        'write the number without its sign, or quote the text: "{}"; an offset wants a unit: {}s',
    ),
    (
        re.compile(r'[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?'),
        'write the number out, such as 1000 or 0.5, or quote the text: "{}"',
    ),
    (
        re.compile(r'[-+]?\.(?:inf|nan)', re.IGNORECASE),
        'JSON has no such number; quote the text: "{}"',
    ),
)


def plain_value(text: str) -> tuple[Atom, str | None]:
    """The value of a plain scalar and None, or its text and why it is refused."""
    if text in _NULLS:
        return None, None
    if text in _BOOLEANS:
        return _BOOLEANS[text], None
    if text.lower() in _WORDS:
        return text, _word_refused(text)
    number = _number(text)
    return (number, None) if number is not None else (text, _trap(text))


def _number(text: str) -> int | float | None:
    if len(text) > _LONGEST_NUMBER:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return None


def _word_refused(text: str) -> str:
    boolean = _WORDS[text.lower()]
    return f'`{text}`: some read it as {boolean}; write {boolean}, or quote the text: "{text}"'


def _trap(text: str) -> str | None:
    for pattern, advice in _TRAPS:
        if pattern.fullmatch(text):
            return f'`{text}`: {advice.format(text, text)}'
    return None
