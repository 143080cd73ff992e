"""A step that fails: its line, what was wanted, what was found, and what happened until then."""

import re
from pathlib import Path
from typing import Any

import pytest

from wumai_testing.scenario import load, loads
from wumai_testing.scenario.runner import Runner, ScenarioFailure
from wumai_testing.scenario.world import simulated_world

JOB = '- job: {as: first, action: Flaky, params: {fail: 1}}'


APP = 'app: scenarios.apps.flaky'


def played(tmp_path: Path, *steps: str, head: str = APP) -> dict[str, Any]:
    """Run a file with these steps, the first in line 4 unless `head` is longer; how jobs ended."""
    path = tmp_path / 'story.yaml'
    path.write_text('\n'.join(['scenario: a story', head, 'steps:', *steps]))
    scenario = load(path)
    with simulated_world(scenario) as world:
        runner = Runner(scenario, world)
        runner.run()
        return runner.endings()


def test_what_is_missing_is_told_in_words_of_the_file(tmp_path: Path) -> None:
    """And not only in those of a test in Python."""
    call = ['- call: {action: Nothing}', '  expect: {retCode: 0}']
    assert any('or the `app` of a scenario, adds' in line for line in said(tmp_path, *call))
    told = said(tmp_path, JOB, '- run: idle', head=f'{APP}\nworkers: 0')
    assert any('or `workers` of a scenario, starts them' in line for line in told)


def test_a_channel_that_is_off_is_told(tmp_path: Path) -> None:
    """Where messages of it are missing."""
    expect = '- expect: {slack: 1, sms: 0}'
    off = '  slack is off: `env` does not set SLACK_WEBHOOK_URL'
    assert said(tmp_path, expect)[2] == off
    on = f'{APP}\nenv: {{SLACK_WEBHOOK_URL: "https://slack.invalid/hook"}}'
    assert off not in said(tmp_path, expect, head=on)


def said(tmp_path: Path, *steps: str, head: str = APP) -> list[str]:
    """The lines of the failure."""
    with pytest.raises(ScenarioFailure) as caught:
        played(tmp_path, *steps, head=head)
    first, *rest = str(caught.value).splitlines()
    return [first.removeprefix(f'{tmp_path}/'), *rest]


@pytest.mark.parametrize(
    ('steps', 'line', 'told'),
    [
        (
            ['- call: {action: Nothing}', '  expect: {retCode: 0}'],
            'story.yaml:4: step `call: {action: Nothing}`',
            'the answer.retCode: wanted 0, found 4000',
        ),
        (
            ['- call: {action: Nothing}', '  save: {made: body.id}'],
            'story.yaml:4: step `call: {action: Nothing}`',
            'there is no body.id to save as made',
        ),
        (
            ['- post: {body: "{}"}', '  expect: {http: 200}'],
            'story.yaml:4: step `post: {body: "{}"}`',
            'the answer.http: wanted 200, found 400',
        ),
        (
            ['- database: {down: 60s}', '- job: {action: Flaky}'],
            'story.yaml:5: step `job: {action: Flaky}`',
            'Unavailable: OperationalError: (2003, "Can\'t connect to MySQL server (simulated)")',
        ),
        (
            ['- start: w1'],
            'story.yaml:4: step `start: w1`',
            'the worker w1 runs already',
        ),
        (
            [JOB, '- expect: {jobs: {first: {status: finished, trys: 1}}}'],
            'story.yaml:5: step `expect: {jobs: {first: {status: finished, trys: 1}}}`',
            'job first.status: wanted "finished", found "pending"',
        ),
        (
            [JOB, '- run: idle', '- expect:', '    runs: {first: [0s, 5m]}'],
            'story.yaml:6: step `expect:`',
            'runs of first: wanted [0s, 5m], found [0s, 10m]',
        ),
        (
            ['- expect: {slack: 1}'],
            'story.yaml:4: step `expect: {slack: 1}`',
            'slack: wanted 1 of them, found []',
        ),
        (
            ['- expect: {sms: [hello]}'],
            'story.yaml:4: step `expect: {sms: [hello]}`',
            'sms[0]: wanted a text that contains "hello", found absent',
        ),
        (
            ['- expect: {running: 1}'],
            'story.yaml:4: step `expect: {running: 1}`',
            'running: wanted 1, found 0',
        ),
        (
            ['- expect: {operations: [{action: X}]}'],
            'story.yaml:4: step `expect: {operations: [{action: X}]}`',
            'operations[0]: wanted a mapping with action, found absent',
        ),
    ],
)
def test_what_is_said(tmp_path: Path, steps: list[str], line: str, told: str) -> None:
    """The step as the file writes it, with its line, and below it what is wrong."""
    lines = said(tmp_path, *steps)
    assert lines[0] == line
    assert f'  {told}' in lines


@pytest.mark.parametrize(
    ('steps', 'told'),
    [
        ([JOB, '- run: idle', '  within: 1m'], r'job-\w+ \(Flaky, pending, trys 0|1\) at 1m'),
        (['- stop: w1', JOB, '- run: idle'], r'job-\w+ .*, with workers w1 gone'),
    ],
)
def test_a_run_that_does_not_come_to_rest(tmp_path: Path, steps: list[str], told: str) -> None:
    """The jobs that are left are named, and the history is told once."""
    _, first, *history = said(tmp_path, *steps)
    assert first.startswith('  1 job has not ended: ')
    assert re.search(told, first)
    assert [line for line in history if line.endswith('start')] == history[:1]


def test_the_history_is_that_until_the_step(tmp_path: Path) -> None:
    """What happened before is told, and no step after it is taken."""
    lines = said(tmp_path, JOB, '- advance: 1s', '- expect: {running: 1}', '- stop: w1')
    told = [' '.join(line.split()) for line in lines[2:]]
    assert told[0] == '0s w1 worker start'
    assert '0s w1 Flaky#1 end try 1 raised RuntimeError' in told
    assert told[-1].startswith('0s w1 Flaky#1 outcome failed: RuntimeError: fails in try 1')


def test_all_that_an_expectation_finds_is_told(tmp_path: Path) -> None:
    """Not only the first of it."""
    expect = '- expect: {jobs: {first: absent}, operations: 1, running: 2}'
    _, *told = said(tmp_path, JOB, expect)
    assert [line.split(':')[0] for line in told[:3]] == ['  job first', '  operations', '  running']


def test_a_step_of_a_scenario_without_a_file() -> None:
    """The key that makes it this step is told in place of its line."""
    scenario = loads(f'scenario: a story\n{APP}\nsteps:\n- start: w2\n- start: w2')
    with (
        simulated_world(scenario) as world,
        pytest.raises(ScenarioFailure, match=r'^a story:5: step `start`\n  the worker w2 runs'),
    ):
        Runner(scenario, world).run()


def test_how_the_jobs_ended(tmp_path: Path) -> None:
    """Of each job that has a name, also where an answer gave it."""
    steps = [
        '- job: {as: first, action: Flaky, try_max: 1}',
        '- job: {as: second, action: GiveUp}',
        '- call: {action: DescribeJob, id: $first}',
        '  expect: {retCode: 4000}',
        '  save: {code: body.retCode, text: body.message}',
        '- run: idle',
    ]
    endings = played(tmp_path, *steps)
    assert list(endings) == ['first', 'second']
    assert endings['first'] == {
        'status': 'finished',
        'trys': 1,
        'result': {'ok': True},
        'error': None,
    }
    assert endings['second']['error'].startswith('the image is gone')


@pytest.mark.parametrize('step', ['crash: w1', 'stop: w1', 'stall: {worker: w1, for: 1s}'])
def test_a_worker_that_has_left_by_itself(tmp_path: Path, step: str) -> None:
    """The grammar cannot know of it; the step does, and tells which workers there are."""
    head = 'app: scenarios.apps.slow\nworkers: 2\nworker: {exec_timeout: 1, grace: 1}'
    steps = ['- job: {action: Swallow, params: {seconds: 3600}}', '- advance: 2m', f'- {step}']
    lines = said(tmp_path, *steps, head=head)
    assert lines[0] == f'story.yaml:8: step `{step}`'
    assert lines[1].startswith('  the worker w1 does not run; those that do: ')


@pytest.mark.parametrize(
    ('step', 'told'),
    [
        ('cancel: first', 'first: it has ended, or is not there'),
        ('retry: first', 'first: it is not in error, or is not there'),
    ],
)
def test_a_job_of_which_nothing_is_to_change(tmp_path: Path, step: str, told: str) -> None:
    steps = ['- job: {as: first, action: Flaky}', '- run: idle', f'- {step}']
    lines = said(tmp_path, *steps)
    assert lines[:2] == [f'story.yaml:{len(steps) + 3}: step `{step}`', f'  {told}']
