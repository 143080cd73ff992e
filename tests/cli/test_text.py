"""Text for the terminal."""

from datetime import datetime

import pytest

from wumai.cli.text import cut, full_time, masked_params, pretty_json, printable, short_time, table

NOW = datetime(2026, 5, 1)


def test_a_table_fits_its_width() -> None:
    """The flexible column is cut, then the last one."""
    rows = [('id', 'action', 'error'), ('1234', 'CreateInstance', 'it is too long to be shown')]
    lines = ['  '.join(row) for row in table(rows, 1, 30)]
    assert lines == ['id    action          error', '1234  CreateInstance  it is ..']
    narrow = ['  '.join(row).rstrip() for row in table(rows, 1, 20)]
    assert narrow == ['id    action', '1234  CreateInst..']


def test_without_a_terminal_nothing_is_cut() -> None:
    """A pipe gets all of it."""
    rows = [('id', 'action', 'error'), ('1234', 'x' * 200, 'y' * 200)]
    assert table(rows, 1, None)[1] == ['1234', 'x' * 200, 'y' * 200]


@pytest.mark.parametrize(
    ('moment', 'shown'),
    [
        (datetime(2026, 1, 2, 3, 4, 5), '01-02 03:04:05'),
        (datetime(2025, 1, 2, 3, 4, 5), '2025-01-02'),
        (None, '-'),
        ('the day after tomorrow', 'the day afte..'),
    ],
)
def test_short_times(moment: object, shown: str) -> None:
    """At most 14 characters."""
    assert short_time(moment, NOW) == shown


def test_full_times() -> None:
    """They name their zone."""
    assert full_time(NOW) == '2026-05-01 00:00:00 UTC'
    assert full_time(None) == '-'


def test_secrets_and_control_characters_are_kept_from_the_terminal() -> None:
    """Whatever a row holds."""
    assert printable('a\x1b[31mb\nc password=x') == 'a [31mb\nc password=***'
    assert pretty_json('{"password": "x", "a": [1]}') == (
        '{\n  "password": "***",\n  "a": [\n    1\n  ]\n}'
    )
    assert pretty_json('no json') == 'no json'
    assert pretty_json(None) == '-'
    assert masked_params('{"token": 1, "b": 2}') == {'token': '***', 'b': 2}
    assert masked_params('[1]') == '[1]'


def test_cut() -> None:
    """Two dots tell that there was more."""
    assert cut('abcdef', 6) == 'abcdef'
    assert cut('abcdef', 5) == 'abc..'
