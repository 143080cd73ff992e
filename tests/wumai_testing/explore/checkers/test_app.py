"""Invariants of an app on its own tables."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.wumai_testing.explore.plans import plan, second_disk
from wumai_testing.explore import invariant
from wumai_testing.explore.application import InvariantFailed, load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.plan import PlannedJob

DISKS = load_app('tests.wumai_testing.explore.disks')


def test_it_breaks_at_the_commit_that_breaks_it() -> None:
    """And not at the end, where a third disk or a cleanup may have come over it."""
    result = run(second_disk(), DISKS)
    assert result.broken is not None
    assert result.broken.invariant == 'tests.wumai_testing.explore.disks.an_instance_has_one_disk'
    assert result.broken.message.endswith('has more than one disk')
    begins, broken = result.begins[-1], result.broken.at
    assert begins < broken < begins + 1


def test_without_a_fault_it_holds() -> None:
    assert run(replace(second_disk(), faults=()), DISKS).broken is None


def no_answer(_session: Any) -> Any:
    return None


def true(_session: Any) -> Any:
    return True


def false(_session: Any) -> Any:
    return False


def text(_session: Any) -> Any:
    return 'there are two'


def failing(_session: Any) -> Any:
    raise AssertionError


def raising(_session: Any) -> Any:
    return {}['disk']


def test_an_invariant_that_raises_is_told_by_its_name() -> None:
    """Not as one of wumai's, and not as one that is broken."""
    app = replace(load_app(), invariants=[invariant(raising)])
    line = raising.__code__.co_firstlineno
    told = (
        rf'^seed 0: invariant .*test_app\.raising \(.*test_app\.py:{line}\) '
        rf"raised KeyError: 'disk', at .*test_app\.py:{line + 1}$"
    )
    with pytest.raises(InvariantFailed, match=told):
        run(plan(PlannedJob(0, 'Quick')), app)


@pytest.mark.parametrize(
    ('check', 'told'),
    [
        (no_answer, None), (true, None), (false, 'it does not hold'),
        (text, 'there are two'), (failing, 'it does not hold'),
    ],
)  # fmt: skip
def test_how_an_invariant_tells_that_it_does_not_hold(
    check: Callable[[Any], Any], told: str | None
) -> None:
    app = replace(load_app(), invariants=[invariant(check)])
    broken = run(plan(PlannedJob(0, 'Quick')), app).broken
    assert (broken and broken.message) == told
