"""The zoo in the default tests: controls, that each bug is planted, and a sample that is quick."""

import pytest

from tests.zoo import hunt
from tests.zoo.base import BUGS, FENCE, MYSQL, TWO, Bug, Wrap, found
from tests.zoo.catalogue import ANIMALS, CANARY, NULL
from tests.zoo.score import Score, page

EASY = (
    'due-times-are-read-in-local-time',
    'gives-up-a-try-early',
    'retry-without-a-delay',
)
"""Bugs that the first seeds find."""
SEEN = {
    'nobody-rescues': 'workers/a-crashed-workers-job-is-rescued-after-its-lease',
    'giving-up-is-not-told': 'retries/the-last-try-that-fails-ends-in-error',
    'timeout-ends-what-runs-the-handler': (  # which it lets out of the worker
        'timeouts/a-cleanup-after-a-timeout-ends-before-the-try-does'
    ),
}
"""Bugs, and a scenario each that fails with it."""


@pytest.fixture(params=BUGS.values(), ids=BUGS)
def bug(request: pytest.FixtureRequest) -> Bug:
    return request.param


def test_each_bug_replaces_what_it_names_and_gives_it_back(bug: Bug) -> None:
    before = {target: found(target)[2] for target in bug.targets}
    with bug.planted():
        for target, real in before.items():
            assert found(target)[2] is not real, target
    assert {target: found(target)[2] for target in bug.targets} == before


def test_each_bug_says_what_it_is(bug: Bug) -> None:
    assert bug.what.endswith('.')
    assert '#' in bug.issue or bug.name not in ANIMALS
    assert bug.targets
    assert all(isinstance(value, Wrap) for value in bug.targets.values()) or bug.name != NULL.name


def test_there_are_enough_of_each_kind() -> None:
    assert len(ANIMALS) >= 60
    for need, least in ((TWO, 20), (MYSQL, 12), (FENCE, 10)):
        assert sum(need in one.needs for one in ANIMALS.values()) >= least


def test_the_canary_is_noticed() -> None:
    sighting = hunt.explored(CANARY, [0])
    assert sighting is not None
    assert 'twice' in sighting.message


def test_the_null_mutation_is_not_noticed() -> None:
    assert hunt.explored(NULL, range(3), strict=True) is None


@pytest.mark.parametrize('name', EASY)
def test_the_explorer_finds_a_bug(name: str) -> None:
    assert hunt.explored(ANIMALS[name], range(4)) is not None


@pytest.mark.parametrize(('name', 'scenario'), SEEN.items())
def test_a_scenario_notices_a_bug(name: str, scenario: str) -> None:
    assert hunt.fails(scenario) is False
    assert hunt.fails(scenario, ANIMALS[name]) is True


def test_the_page_tells_the_score() -> None:
    one = ANIMALS['nobody-rescues']
    told = page([one], {one.name: Score(seeds=7, tried=7, invariant='5: every job ends')})
    assert '| the explorer | 1 | 100% |' in told
    assert one.issue in told
    missed = page([one], {one.name: Score(tried=300)})
    assert 'not in 300' in missed
    assert f'**{one.name}**' in missed
