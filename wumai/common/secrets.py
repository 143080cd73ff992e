"""Secrets are masked before a text leaves the process for a log or a channel."""

import re
from collections.abc import Mapping
from typing import Any

MASK = '***'
MAX_DEPTH = 50
"""What is nested deeper is masked unseen."""

_HINTS = ('passw', 'secret', 'token', 'authorization', 'key', 'signature', 'credential', '://')
_NAME = r'passw(?:or)?d|secret|token|authorization|(?:api|private)[-_]?key|signature|credential'
_KEY = re.compile(_NAME, re.IGNORECASE)
_URL = re.compile(r'(://[^\s:/@]*:)[^\s/]*@')
# A quote that is never closed is one of a text that was cut.
# Every repetition has a bound or ends at a character that the next part needs, so that a long
# text takes linear time.
_PAIR = re.compile(
    rf"""
    (   (?: {_NAME} )
        [\w-]{{0,40}} \\?["']? \s{{0,5}} [=:] \s{{0,5}}
    )
    (   \\"[^"\\]*\\"
    |   "(?:[^"\\]|\\.)*(?:"|\\?\Z)
    |   '(?:[^'\\]|\\.)*(?:'|\\?\Z)
    |   (?:(?:bearer|basic)\s+)? [^\s,;&(){{}}\[\]"']+
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)


def mask(value: Any, _depth: int = 0) -> Any:
    """A copy of `value` in which whatever a mapping holds under the key of a secret is `***`."""
    if _depth > MAX_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return {
            key: MASK if _is_secret(key) else mask(item, _depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask(item, _depth + 1) for item in value]
    return value


def mask_text(text: str) -> str:
    """`text` without passwords in URLs and without the values of `password=...` and its kin."""
    folded = text.lower()
    if not any(hint in folded for hint in _HINTS):
        return text
    return _PAIR.sub(_masked_pair, _URL.sub(rf'\1{MASK}@', text))


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and _KEY.search(key) is not None


def _masked_pair(match: re.Match[str]) -> str:
    key, value = match.groups()
    quote = '\\"' if value.startswith('\\"') else value[0] if value[0] in '"\'' else ''
    return f'{key}{quote}{MASK}{quote}'
