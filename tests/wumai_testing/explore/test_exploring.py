"""`wumai_testing.explore(...)` in a test."""

import re
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import wumai_testing
from tests.wumai_testing.explore import disks, refused
from wumai.error import ConfigError
from wumai.store import schema
from wumai_testing.explore import App, InvariantBroken, NothingRan, explore, invariant
from wumai_testing.explore.exploring import again
from wumai_testing.explore.many import Settings
from wumai_testing.explore.report import UNREPEATED


def test_what_holds_returns_what_was_reached() -> None:
    tally = wumai_testing.explore(seeds=range(2), faults=['crash'], workers=1)
    assert tally.runs == 2
    assert tally.reached['claim'] > 0


def test_what_breaks_is_told_as_a_person_reads_it() -> None:
    with pytest.raises(InvariantBroken) as broken:
        explore(disks, seeds=range(50), workers=1, faults=[], options={'exec_timeout': 2})
    seed = broken.value.result.plan.seed
    lines = str(broken.value).splitlines()
    assert lines[1].startswith(f'seed {seed} breaks {disks.__name__}.an_instance_has_one_disk: job')
    assert 'workers: w1; latency 0.0005 s' in lines
    assert any(line.startswith('call: ') and 'CreateInstance params={' in line for line in lines)
    assert re.search('w1 +CreateInstance#1 +begin +try 2 of 3', str(broken.value))
    assert any(line.startswith('handler: CreateInstance in') for line in lines)
    assert lines[-1] == (
        f'again:   wumai simulate {disks.__name__} --workers 1 --option exec_timeout=2 '
        f'--seed {seed} --trace'
    )


def test_a_seed_that_does_not_repeat_says_so() -> None:
    """Here since the app counts on from run to run; an address in an error is no difference."""
    kept: list[object] = []

    def fails(job: Any) -> None:
        kept.append(job)
        raise ValueError(object())

    def counts(job: Any) -> None:
        job.sleep(len(kept))
        fails(job)

    @invariant
    def no_job_fails(session: Session) -> bool:
        return session.scalar(select(schema.job.c.error).limit(1)) is None

    def told(handler: Any) -> str:
        kept.clear()
        app = App('app', {'Act': handler}, invariants=[no_job_fails])
        with pytest.raises(InvariantBroken) as broken:
            explore(app, seeds=[1], workers=1, faults=[])
        return str(broken.value).splitlines()[-1]

    assert told(fails).startswith('again:  ')
    assert told(counts) == UNREPEATED


def test_that_no_job_ran_is_no_success() -> None:
    with pytest.raises(NothingRan, match='no call of CreateInstance was answered with 200'):
        explore(refused, seeds=range(2))


def test_the_seeds_of_the_environment_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('WUMAI_SEEDS', '7-10')
    assert explore(seeds=range(1000), workers=1, faults=[]).runs == 3
    monkeypatch.setenv('WUMAI_SEEDS', 'all')
    with pytest.raises(ValueError, match="'all' are no seeds"):
        explore()


def test_a_fault_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no fault 'flood'; there are crash, stall"):
        explore(faults=['flood'])


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="'exec_timout' is no option of create_worker"):
        explore(options={'exec_timout': 60})


def test_the_command_that_runs_it_again_shows_no_password() -> None:
    with pytest.raises(InvariantBroken) as broken:
        explore(disks, seeds=range(50), workers=1, faults=[], options={'exec_timeout': 2})
    settings = Settings(kinds=['row lock'], url='mysql+pymysql://root:secret@host/d')
    assert again(broken.value.result, settings) == (
        "wumai simulate --fault 'row lock' --database 'mysql+pymysql://root:***@host/d' "
        f'--seed {broken.value.result.plan.seed} --trace'
    )
