"""What the steps of a scenario do in virtual time, and how its world is set up."""

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from wumai.entropy import RandomEntropy
from wumai_testing.scenario import load, loads
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.model import JobStep, Offset
from wumai_testing.scenario.values import ABSENT, Ref
from wumai_testing.scenario.world import load_app, new_row, simulated_world

NOW = datetime(2026, 1, 1, 12, 0, 0, 400_000)


def row_of(names: dict[str, Any] | None = None, **columns: Any) -> Any:
    step = JobStep(1, 'X', columns)
    return new_row(NOW, RandomEntropy(), step, names or {})


def test_a_row_of_which_nothing_is_said() -> None:
    """It is as Job.create would make it, due at once."""
    row = row_of()
    assert (row.status, row.trys, row.try_max, row.try_period) == ('pending', 0, 3, 600)
    assert (row.params, row.error, row.result, row.project_id) == ('{}', None, None, None)
    assert row.run_at == row.created == row.updated == datetime(2026, 1, 1, 12)


@pytest.mark.parametrize(
    ('run_at', 'stored'),
    [
        (Offset(10), datetime(2026, 1, 1, 12, 0, 11)),  # never early
        (Offset(-10), datetime(2026, 1, 1, 11, 59, 50)),
        (datetime(2027, 1, 1), datetime(2027, 1, 1)),
        (None, None),
    ],
)
def test_when_a_row_is_due(run_at: Any, stored: datetime | None) -> None:
    """A time, an offset from now, or NULL."""
    assert row_of(run_at=run_at).run_at == stored


def test_params_may_be_the_text_of_the_column() -> None:
    """Rows that are bad can be made; names are put in."""
    assert row_of(params='{"a": ').params == '{"a": '
    assert row_of(params=None).params is None
    assert row_of({'made': 'job-1'}, params={'id': Ref('made')}).params == '{"id": "job-1"}'


def test_the_app_is_found_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the file comes before the working directory."""
    monkeypatch.setattr(sys, 'path', [*sys.path])
    elsewhere = tmp_path / 'elsewhere'
    for folder, name in ((tmp_path, 'file'), (elsewhere, 'cwd')):
        folder.mkdir(exist_ok=True)
        (folder / 'world_app_beside.py').write_text(f'name, routes = {name!r}, {{}}')
    monkeypatch.chdir(elsewhere)
    path = tmp_path / 'a.yaml'
    path.write_text('scenario: x\napp: world_app_beside\nsteps: [run: idle]')
    assert load_app(load(path)).name == 'file'


@pytest.mark.parametrize(
    ('app', 'wrong'),
    [
        ('no.such_app', f"there is no module 'no' in {os.getcwd()} nor elsewhere on sys.path"),
        ('json', 'json has neither `routes` nor `job_routes`'),
    ],
)
def test_what_is_no_app_is_told_where_it_is_named(app: str, wrong: str) -> None:
    scenario = loads(f'scenario: x\n\napp: {app}\nsteps: [run: idle]')
    with pytest.raises(ScenarioError) as error, simulated_world(scenario):
        pass
    assert str(error.value) == f'<string>:3:6: {wrong}'


def test_the_environment_is_the_scenarios_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its `env` channels are on or off; TZ is the process's for as long as it runs."""
    monkeypatch.setenv('SLACK_WEBHOOK_URL', 'https://slack.invalid/of-the-machine')
    before = os.environ.get('TZ'), time.tzname
    head = 'scenario: x\napp: scenarios.apps.flaky\nenv: {TZ: America/New_York}\n'
    scenario = loads(f'{head}steps: [run: idle]')
    with simulated_world(scenario) as world:
        assert time.tzname == ('EST', 'EDT')
        world.create_job(JobStep(1, 'GiveUp'), {})
        world.run_until_idle(None)
        assert world.messages('slack') == world.messages('sms') == []
    assert (os.environ.get('TZ'), time.tzname) == before


def test_what_is_read_of_the_database() -> None:
    """Rows with their JSON read; absence is told from null."""
    scenario = loads('scenario: x\napp: scenarios.apps.flaky\nsteps: [run: idle]')
    step = JobStep(1, 'Flaky', {'params': {'fail': 1}})
    with simulated_world(scenario) as world:
        job_id = world.create_job(step, {})
        assert world.job(job_id)['params'] == {'fail': 1}
        assert world.job('job-nothing') is ABSENT
        world.run_until_idle(None)
        assert world.job(job_id)['result'] == {'ok': True}
        assert world.runs(job_id) == [0, 600]
        assert (world.running(), world.operations()) == (0, [])
        assert 'Flaky#1' in world.history()
