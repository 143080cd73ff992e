"""Matchers: what matches, and what is said about what does not."""

from datetime import datetime
from typing import Any

import pytest

from wumai_testing.scenario.matching import (
    Absent,
    Anything,
    Contains,
    Count,
    Equal,
    Exact,
    Matcher,
    Mismatch,
    Regex,
    Subset,
)
from wumai_testing.scenario.values import ABSENT, Ref, lookup, resolve


@pytest.mark.parametrize(
    ('matcher', 'found'),
    [
        (Anything(), None),
        (Anything(), 0),
        (Absent(), ABSENT),
        (Equal(1), 1.0),
        (Equal(None), None),
        (Equal(True), True),
        (Equal({'a': [1]}), {'a': [1]}),
        (Equal('2026-01-01T00:10:00Z'), datetime(2026, 1, 1, 0, 10)),
        (Regex('^2026'), datetime(2026, 1, 1)),
        (Regex('b.d'), 'abcde'),
        (Contains('gave up'), 'X gave up'),
        (Subset({'a': Equal(1)}), {'a': 1, 'b': 2}),
        (Subset({'a': Absent()}), {'b': 2}),
        (Subset({}), {}),
        (Exact(()), []),
        (Exact((Equal(1), Anything())), [1, None]),
        (Count(2), ['a', 'b']),
    ],
)
def test_what_matches(matcher: Matcher, found: Any) -> None:
    """Nothing is said about it."""
    assert matcher.match(found) == []


@pytest.mark.parametrize(
    ('matcher', 'found', 'said'),
    [
        (Anything(), ABSENT, 'wanted anything, found absent'),
        (Absent(), None, 'wanted absent, found null'),
        (Equal(1), True, 'wanted 1, found true'),
        (Equal(False), 0, 'wanted false, found 0'),
        (Equal(0), None, 'wanted 0, found null'),
        (Equal('1'), 1, 'wanted "1", found 1'),
        (Equal(None), ABSENT, 'wanted null, found absent'),
        (Equal({'a': 1}), {'a': True}, 'wanted {"a": 1}, found {"a": true}'),
        (Equal([1]), [1, 2], 'wanted [1], found [1, 2]'),
        (Regex('x'), 'abc', 'wanted a text that matches /x/, found "abc"'),
        (Regex('2'), 200, 'wanted a text that matches /2/, found 200'),
        (Contains('up'), 'down', 'wanted a text that contains "up", found "down"'),
        (Subset({'a': Equal(1)}), [], 'wanted a mapping with a, found []'),
        (Exact(()), 'ab', 'wanted a list of 0, found "ab"'),
        (Count(1), [], 'wanted 1 of them, found []'),
        (Equal(1), datetime(2026, 1, 1), 'wanted 1, found "2026-01-01T00:00:00Z"'),
    ],
)
def test_what_does_not_match(matcher: Matcher, found: Any, said: str) -> None:
    """One line says what was wanted and what was found."""
    assert [str(mismatch) for mismatch in matcher.match(found)] == [said]


def test_each_difference_is_told_with_its_path() -> None:
    """Deep in mappings and lists."""
    matcher = Subset(
        {
            'result': Subset({'items': Exact((Subset({'name': Equal('a')}), Equal(2)))}),
            'gone': Anything(),
        }
    )
    found = {'result': {'items': [{'name': 'b'}]}}
    assert matcher.match(found, 'jobs.first') == [
        Mismatch('jobs.first.result.items[0].name', '"a"', 'b'),
        Mismatch('jobs.first.result.items[1]', '2', ABSENT),
        Mismatch('jobs.first.gone', 'anything', ABSENT),
    ]


def test_an_item_too_many_is_told() -> None:
    """A list is exact."""
    assert [str(one) for one in Exact((Equal(1),)).match([1, 2])] == ['[1]: wanted absent, found 2']


def test_names_are_put_in() -> None:
    """`bind` reaches into every matcher."""
    ref = Ref('job')
    matcher = Subset({'a': Exact((Equal(ref), Contains(ref), Equal({'deep': [ref]})))})
    bound = matcher.bind({'job': 'job-1'})
    assert bound.match({'a': ['job-1', 'of job-1', {'deep': ['job-1']}]}) == []


@pytest.mark.parametrize('matcher', [Anything(), Absent(), Regex('x'), Count(1)])
def test_what_holds_no_name_stays_as_it_is(matcher: Matcher) -> None:
    """There is nothing to put in."""
    assert matcher.bind({}) is matcher


def test_a_name_that_is_unknown_is_an_error_that_names_it() -> None:
    """The grammar sees to it that there is none."""
    with pytest.raises(KeyError, match='job'):
        Equal(Ref('job')).bind({})


def test_a_name_without_its_value_is_shown_as_it_is_written() -> None:
    """In a message about it."""
    assert str(Equal(Ref('job')).match(1)[0]) == 'wanted "$job", found 1'


def test_resolve_keeps_the_type_of_what_was_saved() -> None:
    """`$name` is the value itself, wherever it stands."""
    names = {'n': 5, 'list': [1]}
    assert resolve({'a': [Ref('n'), {'b': Ref('list')}], 'c': 'n'}, names) == {
        'a': [5, {'b': [1]}],
        'c': 'n',
    }


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        (('body', 'items', '1'), 'b'),
        (('body', 'items', '2'), ABSENT),
        (('body', 'none'), None),
        (('body', 'none', 'x'), ABSENT),
        (('body', 'x'), ABSENT),
        ((), {'body': {'items': ['a', 'b'], 'none': None}}),
    ],
)
def test_lookup(path: tuple[str, ...], value: Any) -> None:
    """Keys, and indexes of lists."""
    assert lookup({'body': {'items': ['a', 'b'], 'none': None}}, path) == value
