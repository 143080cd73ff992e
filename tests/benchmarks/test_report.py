"""The report: what is shown of what was measured."""

from typing import Any

import pytest

from tests.benchmarks.measure import compare
from tests.benchmarks.report import Row, markdown, number, rows_of, table


class Benchmark:
    """As pytest-benchmark's fixture, for what is used of it."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}

    def pedantic(self, target: Any, rounds: int) -> None:
        for _ in range(rounds):
            target()


def row(**changed: Any) -> Row:
    values: dict[str, Any] = {
        'what': 'drain', 'unit': 'jobs/s', 'wumai': 2140.0, 'reference': 3800.0, 'ratio': 0.563,
        'aim': 0.6, 'goal': None, 'more': True, 'against': 'a loop by hand', 'plot': 'drain',
    }  # fmt: skip
    return Row(**values | changed)


def test_a_comparison_keeps_medians_and_their_ratio() -> None:
    """One bad turn of either changes nothing."""
    benchmark, ours, theirs = Benchmark(), iter([2.0, 9.0, 3.0]), iter([4.0, 6.0, 0.1])
    ratio = compare(
        benchmark, lambda: next(ours), lambda: next(theirs), rounds=3,
        what='drain', against='by hand', unit='jobs/s',
    )  # fmt: skip
    assert ratio == 0.75
    (kept,) = rows_of([vars(benchmark)])
    assert (kept.wumai, kept.reference, kept.ratio) == (3.0, 4.0, 0.75)


def test_a_benchmark_that_compares_nothing_is_left_out() -> None:
    assert rows_of([{'extra_info': {'ratio': 1.0}}]) == []


@pytest.mark.parametrize(
    ('value', 'shown'), [(0.1234, '0.123'), (12.345, '12.3'), (1234.5, '1,230'), (98765, '98,800')]
)
def test_a_number_has_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ('changed', 'shown'),
    [
        ({}, '>= 0.6, not met'),
        ({'ratio': 0.6}, '>= 0.6, met'),
        ({'ratio': 0.6, 'more': False}, '<= 0.6, met'),
        ({'more': False, 'aim': 0.5}, '<= 0.5, not met'),
        ({'goal': 5000.0}, '>= 5,000 jobs/s, not met'),
        ({'aim': None}, ''),
    ],
)
def test_an_aim_is_shown_with_whether_it_is_met(changed: dict[str, Any], shown: str) -> None:
    assert row(**changed).cells()[4] == shown


def test_columns_of_the_table_stand_below_each_other() -> None:
    first, second, third = table([row(), row(what='a longer name')]).splitlines()
    assert first.index('wumai') == second.index('2,140') == third.index('2,140')


def test_figures_of_a_page_are_set_to_the_right() -> None:
    assert markdown(('a', 'b'), [('x', '1')]) == '| a | b |\n| --- | ---: |\n| x | 1 |'
