"""A broken run as a scenario."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.wumai_testing.explore.plans import plan, second_disk
from wumai.worker.rescue import Rescuer
from wumai_testing.explore import InvariantBroken, explore
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import Result, run
from wumai_testing.explore.export import save
from wumai_testing.explore.plan import PlannedFault, PlannedJob, PlannedWorker
from wumai_testing.scenario.outcome import run_simulated
from wumai_testing.scenario.reader import load

DISKS = load_app('tests.wumai_testing.explore.disks')


def test_a_mistake_of_a_handler_is_found_made_short_and_written(tmp_path: Path) -> None:
    """From the seeds to a file that fails in the same way, as a team would do it."""
    with pytest.raises(InvariantBroken) as broken:
        explore(DISKS, seeds=range(100), faults=['crash'], options={'exec_timeout': 60})
    result = broken.value.result
    assert len(result.text.splitlines()) < 15
    assert 'handler: CreateInstance in' in str(broken.value)
    path = tmp_path / 'scenarios' / 'one-disk.yaml'
    assert save(result, DISKS, path).fails
    outcome = run_simulated(path)
    assert outcome.status == 'failed'
    assert 'disks.an_instance_has_one_disk: job-' in outcome.message


def test_without_the_mistake_the_scenario_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails is the handler, and not the file."""
    path = tmp_path / 'one-disk.yaml'
    save(run(second_disk(), DISKS), DISKS, path)
    assert run_simulated(path).status == 'failed'
    handlers = {'CreateInstance': lambda job: job.sleep(10)}
    monkeypatch.setattr('tests.wumai_testing.explore.disks.job_routes', handlers)
    assert run_simulated(path).status == 'passed'


def test_a_job_that_does_not_end_does_not_end_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rescuer, 'look', lambda _self: None)
    job = PlannedJob(0, 'Slow', {'seconds': 3})
    result = run(plan(job, faults=[PlannedFault(1, 'crash', 'w1', 1.0)]), load_app())
    assert result.broken is not None
    path = tmp_path / 'lost.yaml'
    assert save(result, load_app(), path).fails
    monkeypatch.undo()
    assert run_simulated(path).status == 'passed'


def broken(result: Result) -> Result:
    """The run as if it had broken something that no scenario checks."""
    other = run(second_disk(), DISKS).broken
    assert other is not None
    return replace(result, broken=replace(other, invariant='7: a retry is due'))


def test_what_only_the_simulation_sees_is_said_to_pass(tmp_path: Path) -> None:
    """The file is written all the same: as a beginning."""
    path = tmp_path / 'retry.yaml'
    result = broken(run(plan(PlannedJob(0, 'Quick')), load_app()))
    assert save(result, load_app(), path).fails is False
    assert run_simulated(path).status == 'passed'


FAULTS = {
    'crash': {'crash': 'w1'},
    'stall': {'stall': {'worker': 'w1', 'for': '3s'}},
    'stop': {'stop': 'w1'},
    'deadlock': {'database': {'next': 'deadlock', 'by': 'w1'}},
    'lost_after_commit': {'database': {'next': 'lost_after_commit', 'by': 'w1'}},
    'connections drop': {'database': {'down': '0.001s'}},
    'database down': {'database': {'down': '3s'}},
    'database hang': {'database': {'hang': '3s'}},
    'database read-only': {'database': {'read_only': '3s'}},
    'slack down': {'slack': {'down': '3s'}},
    'sms hang': {'sms': {'hang': '3s'}},
}


@pytest.mark.parametrize(('kind', 'step'), FAULTS.items())
def test_a_fault_is_a_step(kind: str, step: dict[str, Any], tmp_path: Path) -> None:
    """Of the worker by its name there: a plan that was made short may have w3 alone."""
    fault = PlannedFault(2.5, kind, 'w3', 3.0)
    made = plan(PlannedJob(1, 'Quick', {'n': 1}, delay=4.0), faults=[fault])
    made = replace(made, workers=(PlannedWorker('w3'),))
    path = tmp_path / 'fault.yaml'
    exported = save(
        broken(Result(made, None, starts=[(0.0, 'w3')], struck=[fault])), load_app(), path
    )
    assert exported.left_out == ['latency of 0.001 s at each statement']
    steps = yaml.safe_load(path.read_text())['steps']
    assert steps[0] == {'advance': '1s'}
    assert steps[1]['job'] == {
        'as': 'job1', 'action': 'Quick', 'params': {'n': 1}, 'try_period': 10, 'try_max': 3,
        'run_at': '+4s',
    }  # fmt: skip
    assert steps[2:4] == [{'advance': '1.5s'}, step]
    load(path)


def test_what_no_step_expresses_is_noted(tmp_path: Path) -> None:
    locked = PlannedFault(2, 'row lock')
    made = plan(PlannedJob(1, 'Quick', columns={'run_at': None}), faults=[locked])
    made = replace(made, workers=(PlannedWorker('w1', skew=2.0, lacks='Slow'),))
    path = tmp_path / 'rest.yaml'
    exported = save(
        broken(Result(made, None, starts=[(0.0, 'w1')], struck=[locked])), load_app(), path
    )
    assert exported.left_out[1:] == [
        'the clock of w1 is off by 2 s', 'w1 does not know Slow', 'Quick at 1s', '2s row lock',
    ]  # fmt: skip
    assert '# not expressed here: 2s row lock\n' in path.read_text()


def test_what_became_of_a_job_is_a_step(tmp_path: Path) -> None:
    """Each so long after the one before."""
    made = plan(PlannedJob(1, 'Quick', then=(('cancel', 1.0), ('retry', 2.5))))
    path = tmp_path / 'cancelled.yaml'
    save(broken(Result(made, None, starts=[(0.0, 'w1')])), load_app(), path)
    steps = yaml.safe_load(path.read_text())['steps']
    assert steps[2:6] == [
        {'advance': '1s'}, {'cancel': 'job1'}, {'advance': '2.5s'}, {'retry': 'job1'},
    ]  # fmt: skip
    load(path)
