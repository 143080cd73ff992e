"""Many seeds, in one process and in several."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from wumai_testing.explore import many
from wumai_testing.explore.application import load_app
from wumai_testing.explore.many import Settings, Tally, run_many

QUIET = Settings(kinds=frozenset(['crash']), workers=1)
DISKS = Settings('tests.wumai_testing.explore.disks', options={'exec_timeout': 2})
"""With which about every run breaks its invariant: the handler takes longer than that."""


def test_several_processes_see_what_one_sees() -> None:
    told: list[int] = []
    alone, together = (
        run_many(QUIET, range(7), processes=count, progress=lambda one: told.append(one.runs))
        for count in (1, 2)
    )
    assert alone.runs == together.runs == 7
    assert told[:2] == [5, 7]
    assert told[-1] == 7
    assert alone.broken == together.broken == []
    assert together.reached == alone.reached
    assert together.virtual == alone.virtual > 7 * 60


def test_no_seed_is_begun_when_the_time_is_over() -> None:
    assert 0 < run_many(QUIET, range(1000), seconds=0.001).runs <= 5


def test_it_ends_when_enough_is_broken() -> None:
    tally = run_many(DISKS, range(1000), most_broken=2)
    assert tally.runs <= 10
    assert len(tally.broken) >= 2


def test_a_seed_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When no more are wanted and it has had its time."""
    first = tmp_path / 'first'
    monkeypatch.setenv('WUMAI_TEST_FIRST', str(first))
    monkeypatch.setattr(many, 'PATIENCE', 0.1)
    endless = replace(QUIET, module='tests.wumai_testing.explore.endless')
    assert run_many(endless, range(1000), processes=2, most_broken=0).runs == 5
    assert first.exists()
    assert multiprocessing.active_children() == []


def test_the_time_is_over_though_no_seed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, 'PATIENCE', 0.1)
    endless = replace(QUIET, module='tests.wumai_testing.explore.endless')
    assert run_many(endless, range(1000), processes=2, seconds=0.1).runs == 0
    assert multiprocessing.active_children() == []


def test_an_app_that_is_no_module_runs_here() -> None:
    app = load_app()
    assert run_many(QUIET, [3], app=app).runs == 1
    both = Tally(runs=1)
    both.add(Tally(runs=2, virtual=3.0))
    assert (both.runs, both.virtual) == (3, 3.0)
