"""The head of a request, from its lines to WSGI's names in one pass.

What two programs could read differently is refused: a proxy in front of us must see the same
requests in the same bytes.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

LONGEST_LINE = 64 * 1024
MOST_LINES = 100

_REQUEST = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+) (\S+) (HTTP/1\.\d)\r?\n')
_FIELD = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+):([^\0\r\n]*)\r?\n')
_LENGTH = re.compile(r'[0-9]{1,18}')
_PLAIN = {'HTTP_CONTENT_TYPE': 'CONTENT_TYPE', 'HTTP_CONTENT_LENGTH': 'CONTENT_LENGTH'}


class BadHead(ValueError):
    """It is no head of an HTTP/1 request, or one that could be read in two ways."""


class Head(NamedTuple):
    """One request, without its body."""

    method: str
    target: str
    version: str
    fields: dict[str, str]
    """The header fields by their names in a WSGI environ."""
    length: int | None
    """Bytes of the body; None without a Content-Length."""
    chunked: bool
    keep_alive: bool


def read_head(first: str, readline: Callable[[int], bytes]) -> Head:
    """The head whose first line was read, and whose others `readline` gives. Raises BadHead."""
    match = _REQUEST.fullmatch(first)
    if match is None:
        raise BadHead(f'no request line: {first[:100]!r}')
    method, target, version = match.groups()
    fields = _read_fields(readline)
    chunked = 'HTTP_TRANSFER_ENCODING' in fields
    if chunked and fields['HTTP_TRANSFER_ENCODING'].lower() != 'chunked':
        raise BadHead('a Transfer-Encoding other than chunked')
    length = fields.get('CONTENT_LENGTH')
    if length is not None and (chunked or not _LENGTH.fullmatch(length)):
        raise BadHead('the Content-Length is no number, or not the only one')
    return Head(
        *(method, target, version, fields),
        length=None if length is None else int(length),
        chunked=chunked,
        keep_alive=_keeps_alive(version, fields.get('HTTP_CONNECTION')),
    )


def _read_fields(readline: Callable[[int], bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = readline(LONGEST_LINE).decode('latin-1')
        if line in ('\r\n', '\n'):
            return fields
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadHead(f'no header field: {line[:20]!r}')
        name, value = match[1], match[2].strip(' \t')
        if '_' in name:  # which WSGI cannot tell from '-'
            continue
        name = 'HTTP_' + name.replace('-', '_').upper()
        name = _PLAIN.get(name, name)
        if name in fields:
            value = fields[name] + ('; ' if name == 'HTTP_COOKIE' else ',') + value
        fields[name] = value
    raise BadHead(f'over {MOST_LINES} header fields')


def _keeps_alive(version: str, connection: str | None) -> bool:
    if connection is None:
        return version != 'HTTP/1.0'
    wishes = [wish.strip() for wish in connection.lower().split(',')]
    return 'close' not in wishes and (version != 'HTTP/1.0' or 'keep-alive' in wishes)
