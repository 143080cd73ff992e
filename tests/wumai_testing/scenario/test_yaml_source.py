"""YAML with positions, and its traps."""

import pytest

from wumai_testing.scenario.yaml_source import Mapping, Scalar, Source, plain


def read(text: str) -> object:
    source = Source(text, 'x.yaml')
    root = source.parse()
    assert source.problems == []
    assert root is not None
    return plain(root)


def complaints(text: str) -> list[tuple[int, int, str]]:
    source = Source(text, 'x.yaml')
    source.parse()
    return [(one.line, one.column, one.message) for one in source.problems]


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('5', 5),
        ('-5', -5),
        ('0', 0),
        ('0.5', 0.5),
        ('-1.25', -1.25),
        ('1.0e+3', 1000.0),
        ('true', True),
        ('False', False),
        ('null', None),
        ('~', None),
        ('', None),
        ('"no"', 'no'),
        ("'0755'", '0755'),
        ('2026-01-01', '2026-01-01'),
        ('2026-02-29T00:00:00Z', '2026-02-29T00:00:00Z'),
        ('2026-01-01 00:00:00', '2026-01-01 00:00:00'),
        ('10m', '10m'),
        ('+10m', '+10m'),
        ('~regex', '~regex'),
        (r'\~', r'\~'),
        ('y', 'y'),
        ('1.2.3', '1.2.3'),
        ('00:1A:2B', '00:1A:2B'),
        ('no way', 'no way'),
        ('=', '='),
        ('0xyz', '0xyz'),
        ('{a: &one [1], b: *one}', {'a': [1], 'b': [1]}),
    ],
)
def test_a_value_has_the_type_that_all_readers_give_it(text: str, value: object) -> None:
    """A date is the text that was written."""
    found = read(f'a: {text}')
    assert found == {'a': value}
    assert type(found['a']) is type(value)  # type: ignore[index]


@pytest.mark.parametrize(
    ('text', 'advice'),
    [
        ('no', 'some read it as false; write false, or quote the text: "no"'),
        ('Yes', 'write true, or quote the text: "Yes"'),
        ('ON', 'write true, or quote'),
        ('off', 'write false, or quote'),
        ('1:30', 'base 60; write a duration as 1m30s, or quote the text: "1:30"'),
        ('12:30:45', 'base 60'),
        ('08:30', 'base 60'),
        ('0755', 'octal; write the number without it, or quote the text: "0755"'),
        ('007', 'leading zero'),
        ('0o17', 'decimal'),
        ('0x1F', 'write the number in decimal, or quote the text: "0x1F"'),
        ('0b11', 'decimal'),
        ('1_000', 'write the number without _, or quote the text: "1_000"'),
        ('+49151', 'without its sign, or quote the text: "+49151"; an offset wants a unit'),
        ('1e3', 'write the number out'),
        ('12e4567', 'write the number out'),
        ('.5', 'write the number out'),
        ('5.', 'write the number out'),
        ('1.5e3', 'write the number out'),
        ('9' * 400, 'write the number out'),
        ('.inf', 'JSON has no such number'),
        ('.NaN', 'JSON has no such number'),
    ],
)
def test_what_readers_take_for_different_things_is_refused(text: str, advice: str) -> None:
    """With the two ways to write it."""
    [(line, column, message)] = complaints(f'a: 1\nb: [{text}]')
    assert (line, column) == (2, 5)
    assert text in message
    assert advice in message


@pytest.mark.parametrize('key', ['no', 'on', '404', '2026-01-01', 'null', '1:30', '0755'])
def test_a_key_is_text(key: str) -> None:
    """JSON has no other keys."""
    assert read(f'a: {{{key}: 1}}') == {'a': {key: 1}}


def test_every_key_and_value_knows_its_place() -> None:
    """Counted from 1; a byte order mark and wide characters are no trouble."""
    root = Source('\ufeffa: 1\n日本: {b: "x",\n  c: [2, 3]}\n', 'x.yaml').parse()
    assert isinstance(root, Mapping)
    key, inner = root.entries['日本']
    assert (key.line, key.column) == (2, 1)
    assert isinstance(inner, Mapping)
    key, items = inner.entries['c']
    assert (key.line, key.column, items.line, items.column) == (3, 3, 3, 6)
    assert isinstance(root.get('a'), Scalar)
    assert root.get('b') is None


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('a: 1\nb: 2\na: 3\n', (3, 1, 'the key `a` is there twice, first in line 1')),
        ('a: !!str 5', (1, 4, 'tags such as `tag:yaml.org,2002:str` are not read')),
        ('a: !secret x', (1, 4, 'tags such as `!secret` are not read')),
        ('a: &x {b: 1}\nc: {<<: *x}', (2, 5, 'merge keys are not read; write the keys out')),
        ('a: *x', (1, 4, '`*x` has no anchor before it; there are: none')),
        ('a: &x [*x]', (1, 8, '`*x` stands for a value that holds itself')),
        ('a: 1\n---\nb: 1', (2, 1, 'a second document begins here')),
        ('', (1, 1, 'the file is empty')),
        ('# only this\n', (2, 1, 'the file is empty')),
        ('a: [1, 2', (1, 9, 'this is no YAML: ')),
        ('a:\n\t- 1', (2, 1, 'indent with spaces')),
        ('a: b: c', (1, 5, 'quote a text that contains a colon and a space')),
        ('a: @x', (1, 4, 'quote a text that begins with it')),
        ('? [1]\n: 2', (1, 3, 'a key must be text')),
        ('?\n: 1', (1, 2, 'no key; write one before the colon')),
        ('a: x\x00', (1, 5, 'this is no YAML: special characters')),
        ('a: !x!y z', (1, 4, 'this is no YAML: found undefined tag handle')),
        ('a: ' + '[' * 60, (1, 54, 'more than 50 levels deep')),
    ],
)
def test_what_is_no_good_is_told_with_its_place(text: str, problem: tuple[int, int, str]) -> None:
    """And with what to do about it."""
    line, column, message = problem
    [found] = complaints(text)
    assert found[:2] == (line, column)
    assert message in found[2]


def test_aliases_cannot_grow_without_bound() -> None:
    """Ten lines that stand for a billion values."""
    lines = ['a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]']
    lines += [f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]' for n in range(1, 10)]
    [(_, _, message)] = complaints('\n'.join(lines))
    assert 'more than 50000 values' in message


def test_all_that_is_wrong_is_told() -> None:
    """Not only the first."""
    assert [line for line, _, _ in complaints('a: no\nb: 0755\nb: 1\nc: !x 1\n')] == [1, 2, 3, 4]
