"""The head of a request: what is read, and what is refused since two could read it differently."""

from io import BytesIO

import pytest

from wumai.server.head import MOST_LINES, BadHead, Head, read_head


def read(*lines: str, first: str = 'POST / HTTP/1.1') -> Head:
    text = ''.join(f'{line}\r\n' for line in [*lines, ''])
    return read_head(f'{first}\r\n', BytesIO(text.encode('latin-1')).readline)


def test_all_of_it() -> None:
    """The parts, and the fields by WSGI's names."""
    head = read('Host: a', 'Content-Type: application/json', 'Content-Length: 66', 'X-Request-Id:b')
    assert head == Head(
        'POST',
        '/',
        'HTTP/1.1',
        {
            'HTTP_HOST': 'a',
            'CONTENT_TYPE': 'application/json',
            'CONTENT_LENGTH': '66',
            'HTTP_X_REQUEST_ID': 'b',
        },
        length=66,
        chunked=False,
        keep_alive=True,
    )


def test_only_the_head_is_read() -> None:
    """What follows is the body's."""
    rest = BytesIO(b'Host: a\n\nbody')
    assert read_head('POST / HTTP/1.1\n', rest.readline).fields == {'HTTP_HOST': 'a'}
    assert rest.read() == b'body'


@pytest.mark.parametrize(
    ('lines', 'name', 'value'),
    [
        (['X-A: one', 'x-a: two'], 'HTTP_X_A', 'one,two'),
        (['Cookie: a=1', 'Cookie: b=2'], 'HTTP_COOKIE', 'a=1; b=2'),
        (['X-A: \t b c \t'], 'HTTP_X_A', 'b c'),
        (['X-A:'], 'HTTP_X_A', ''),
        (['X-A: \xe9'], 'HTTP_X_A', '\xe9'),
        (['X-A: b', 'X_A: evil'], 'HTTP_X_A', 'b'),
    ],
)
def test_fields(lines: list[str], name: str, value: str) -> None:
    """Doubled ones are joined; a name with '_' is dropped, since WSGI has it for '-'."""
    assert read(*lines).fields == {name: value}


@pytest.mark.parametrize(
    ('first', 'connection', 'kept'),
    [
        ('POST / HTTP/1.1', None, True),
        ('POST / HTTP/1.1', 'Close', False),
        ('POST / HTTP/1.1', 'upgrade, close', False),
        ('POST / HTTP/1.0', None, False),
        ('POST / HTTP/1.0', 'Keep-Alive', True),
    ],
)
def test_whether_the_connection_is_kept(first: str, connection: str | None, kept: bool) -> None:
    """By the version, unless the client says otherwise."""
    lines = [] if connection is None else [f'Connection: {connection}']
    assert read(*lines, first=first).keep_alive is kept


def test_chunks() -> None:
    """Then there is no length."""
    head = read('Transfer-Encoding: Chunked')
    assert (head.chunked, head.length) == (True, None)


@pytest.mark.parametrize(
    'lines',
    [
        ['Content-Length: 5', 'Content-Length: 6'],
        ['Content-Length: 5', 'Content-Length: 5'],
        ['Content-Length: 0x5'],
        ['Content-Length: \xb2'],
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        ['Transfer-Encoding: gzip, chunked'],
        ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
        ['Transfer-Encoding : chunked'],
        ['X-A: b', ' folded: c'],
        ['X-A: b\rX-B: c'],
        ['X-A: \0'],
        ['no field'],
        [': no name'],
        [f'X-{number}: a' for number in range(MOST_LINES)],
    ],
)
def test_refused_fields(lines: list[str]) -> None:
    """What a proxy might read in another way, and what no server needs to hold."""
    with pytest.raises(BadHead):
        read(*lines)


@pytest.mark.parametrize(
    'first',
    [
        *('GET /', 'POST / HTTP/2.0', 'POST / HTTP/1.10', 'POST  / HTTP/1.1', 'POST /a b HTTP/1.1'),
        *(' POST / HTTP/1.1', 'PO(ST / HTTP/1.1', 'POST / http/1.1', ''),
    ],
)
def test_refused_request_lines(first: str) -> None:
    """Three words, of which the last is HTTP/1.x."""
    with pytest.raises(BadHead):
        read(first=first)


def test_a_head_that_is_cut_off() -> None:
    """It ends at its empty line, or not at all."""
    with pytest.raises(BadHead):
        read_head('POST / HTTP/1.1\r\n', BytesIO(b'Host: a\r\nX-A: b').readline)
