"""Scenario files as data, and what is said about files that are none."""

from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest

from wumai_testing.faults import FAULTS
from wumai_testing.scenario import Scenario, ScenarioError, Step, load, loads
from wumai_testing.scenario.matching import (
    Absent,
    Anything,
    Contains,
    Count,
    Equal,
    Exact,
    Regex,
    Subset,
)
from wumai_testing.scenario.model import (
    Advance,
    Call,
    Cancel,
    ChannelFault,
    Crash,
    DatabaseFault,
    DatabaseKind,
    Expect,
    JobStep,
    Offset,
    Post,
    Retry,
    Run,
    Stall,
    Start,
    Stop,
)
from wumai_testing.scenario.values import Ref

EXAMPLE = """\
scenario: A job that fails twice is retried every try_period and then finishes
app: scenarios.apps.flaky        # module with `routes` and/or `job_routes`
start: 2026-01-01T00:00:00Z      # the default
workers: 1                       # how many run from the start
worker: {exec_timeout: 600}      # create_worker's options
env: {SLACK_WEBHOOK_URL: "https://slack.invalid/hook"}
steps:
  - job: {as: first, action: Flaky, params: {fail: 2}, try_period: 60, try_max: 3}
  - run: idle
  - expect:
      jobs: {first: {status: finished, trys: 3, result: {ok: true}}}
      runs: {first: [0s, 60s, 120s]}
      slack: 2
      sms: 0
"""

JOB = '{job: {as: first, action: X}}'
CALL = '{call: {action: X}, save: {made: body.jobId}}'


def step(text: str) -> Step:
    """The one step, after a job `first` and a call that saves `made`."""
    return loads(f'scenario: x\nsteps:\n- {JOB}\n- {CALL}\n- {text}').steps[-1]


def said(text: str) -> list[str]:
    """Each message with its place."""
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    return [f'{one.line}:{one.column} {one.message}' for one in caught.value.problems]


def said_of_step(text: str, before: str = JOB) -> str:
    """The only message about a step, without the place."""
    [message] = said(f'scenario: x\nworkers: 2\nsteps:\n- {before}\n- {text}')
    place, _, rest = message.partition(' ')
    assert place.startswith('5:')
    return rest


def test_the_example_of_the_design() -> None:
    """Every key becomes data."""
    expect = Expect(
        10,
        jobs={
            'first': Subset(
                {
                    'status': Equal('finished'),
                    'trys': Equal(3),
                    'result': Subset({'ok': Equal(True)}),
                }
            )
        },
        runs={'first': (0, 60, 120)},
        slack=Count(2),
        sms=Count(0),
    )
    columns = {'params': {'fail': 2}, 'try_period': 60, 'try_max': 3}
    assert loads(EXAMPLE) == Scenario(
        name='A job that fails twice is retried every try_period and then finishes',
        steps=(JobStep(8, 'Flaky', columns, alias='first'), Run(9), expect),
        app='scenarios.apps.flaky',
        start=datetime(2026, 1, 1),
        workers=1,
        worker={'exec_timeout': 600},
        env={'SLACK_WEBHOOK_URL': 'https://slack.invalid/hook'},
    )


def test_what_is_left_out_has_its_default() -> None:
    """A name and a step are enough."""
    assert loads('scenario: x\nsteps: [{run: idle}]') == Scenario('x', (Run(2),))


def test_a_file_knows_its_path(tmp_path: Path) -> None:
    """For the runner, and in messages; a byte order mark does no harm."""
    path = tmp_path / 'x.yaml'
    path.write_text('\ufeffscenario: x\nsteps: [{run: idle}]', encoding='utf-8')
    assert load(path).path == path
    assert load(str(path)).path == path


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('{call: {action: X}}', Call(5, {'action': 'X'})),
        (
            '{call: {action: X, of: $first, list: [$made, $$5, a$b]}}',
            Call(5, {'action': 'X', 'of': Ref('first'), 'list': [Ref('made'), '$5', 'a$b']}),
        ),
        (
            '{call: {action: X}, expect: {http: 200, retCode: any, message: ~no, body: [$made]}}',
            Call(
                5,
                {'action': 'X'},
                Subset(
                    {
                        'http': Equal(200),
                        'retCode': Anything(),
                        'message': Regex('no'),
                        'body': Exact((Equal(Ref('made')),)),
                    }
                ),
            ),
        ),
        (
            '{call: {action: X}, save: {a: body.items.0.id, b: retCode}}',
            Call(5, {'action': 'X'}, save={'a': ('body', 'items', '0', 'id'), 'b': ('retCode',)}),
        ),
        ('{post: {}}', Post(5)),
        ('{post: {body: "[", repeat: 4}}', Post(5, b'[[[[')),
        ('{post: {body: "é$x"}}', Post(5, 'é$x'.encode())),
        (
            '{post: {base64: "/w ==", method: PUT, path: /x, headers: {A: $made}}}',
            Post(5, b'\xff', 'PUT', '/x', {'A': Ref('made')}),
        ),
        ('{job: {action: X}}', JobStep(5, 'X')),
        ('{job: {action: X, params: "{bad"}}', JobStep(5, 'X', {'params': '{bad'})),
        (
            '{job: {action: X, params: null, try_period: null, run_at: null, project_id: null}}',
            JobStep(
                5, 'X', {'params': None, 'try_period': None, 'run_at': None, 'project_id': None}
            ),
        ),
        ('{job: {action: X, run_at: +10m}}', JobStep(5, 'X', {'run_at': Offset(600)})),
        ('{job: {action: X, run_at: -1h30m}}', JobStep(5, 'X', {'run_at': Offset(-5400)})),
        (
            '{job: {action: X, run_at: 2028-02-29T00:00:00Z}}',
            JobStep(5, 'X', {'run_at': datetime(2028, 2, 29)}),
        ),
        (
            '{job: {action: X, run_at: 2026-03-29 03:30:00+02:00}}',
            JobStep(5, 'X', {'run_at': datetime(2026, 3, 29, 1, 30)}),
        ),
        ('{job: {action: X, try_period: 10m}}', JobStep(5, 'X', {'try_period': 600})),
        (
            '{job: {action: X, try_period: -1, try_max: 0}}',
            JobStep(5, 'X', {'try_period': -1, 'try_max': 0}),
        ),
        ('{advance: 1h30m}', Advance(5, 5400)),
        ('{run: idle, within: 30d}', Run(5, 2592000)),
        ('{cancel: first}', Cancel(5, 'first')),
        ('{retry: $made}', Retry(5, 'made')),
        ('{crash: w1}', Crash(5, 'w1')),
        ('{stall: {worker: w1, for: 2m}}', Stall(5, 'w1', 120)),
        ('{stop: w1}', Stop(5, 'w1')),
        ('{start: w4}', Start(5, 'w4')),
        ('{database: {down: 30s}}', DatabaseFault(5, 'down', 30)),
        ('{database: {hang: 0.5s}}', DatabaseFault(5, 'hang', 0.5)),
        ('{database: {next: deadlock, by: w1}}', DatabaseFault(5, 'deadlock', by='w1')),
        ('{slack: {down: 5m}}', ChannelFault(5, 'slack', 'down', 300)),
        ('{sms: {hang: 30s}}', ChannelFault(5, 'sms', 'hang', 30)),
        ('{expect: {running: 0}}', Expect(5, running=Equal(0))),
        (
            '{expect: {slack: [gave up, "~try 2", any, $made, \\any]}}',
            Expect(
                5,
                slack=Exact(
                    (
                        Contains('gave up'),
                        Regex('try 2'),
                        Anything(),
                        Contains(Ref('made')),
                        Contains('any'),
                    )
                ),
            ),
        ),
        (
            '{expect: {operations: [{ret_code: 0, params: {a: any}}]}}',
            Expect(
                5,
                operations=Exact(
                    (Subset({'ret_code': Equal(0), 'params': Subset({'a': Anything()})}),)
                ),
            ),
        ),
        (
            '{expect: {jobs: {first: absent, $made: any}, runs: {$made: []}}}',
            Expect(5, jobs={'first': Absent(), 'made': Anything()}, runs={'made': ()}),
        ),
        (
            '{expect: {jobs: {first: {try_period: 10m, run_at: 2026-01-01, error: null}}}}',
            Expect(
                5,
                jobs={
                    'first': Subset(
                        {
                            'try_period': Equal(600),
                            'run_at': Equal('2026-01-01T00:00:00Z'),
                            'error': Equal(None),
                        }
                    )
                },
            ),
        ),
    ],
)
def test_a_step_becomes_data(text: str, expected: Step) -> None:
    """Units, references, times and defaults are read; nothing is left to the runner."""
    assert step(text) == expected


@pytest.mark.parametrize(
    ('written', 'literal'),
    [
        ('$$x', '$x'),
        ('$$', '$'),
        (r'\~x', '~x'),
        (r'\any', 'any'),
        (r'\absent', 'absent'),
        (r'\\any', r'\any'),
        (r'\anyone', r'\anyone'),
        ('anyone', 'anyone'),
        (r'\x', r'\x'),
    ],
)
def test_what_an_expectation_reads_otherwise_can_be_written(written: str, literal: str) -> None:
    """At any depth, and where a column wants text."""
    found = step(f'{{expect: {{jobs: {{first: {{result: [{written}], error: {written}}}}}}}}}')
    assert isinstance(found, Expect)
    matcher = Subset({'result': Exact((Equal(literal),)), 'error': Equal(literal)})
    assert found.jobs == {'first': matcher}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{jobb: {action: x}}', 'unknown step `jobb`; did you mean `job`?'),
        (
            '{frobnicate: 1}',
            'unknown step `frobnicate`; it takes: call, post, job, cancel, retry, advance, run',
        ),
        ('{advance:10m}', 'unknown step `advance:10m`; write a space after the colon'),
        ('crash', '`steps[2]` wants a mapping such as {advance: 10m}; found the text "crash"'),
        ('{run: idle, crash: w1}', "`run` and `crash`: they don't belong together in one step"),
        ('{job: {action: X}, expect: {slack: 1}}', "`job` and `expect`: they don't belong"),
        ('{advance: 5m, within: 3d}', '`within` goes with `run`, not with `advance`'),
        ('{within: 3d}', '`within` goes with `run`, which is missing'),
        ('{save: {a: body}}', '`save` goes with `call` or `post`, which is missing'),
        ('{run: idle, witin: 3d}', 'unknown key `witin` beside `run`; did you mean `within`?'),
        ('{run: idl}', '`run` wants `idle`; found the text "idl": did you mean `idle`?'),
        ('{advance: 10}', 'such as 10m or 1h30m; found the number 10: write 10s or 10m'),
        ('{advance: "0.5"}', 'found the text "0.5": write 0.5s or 0.5m'),
        ('{advance: -10m}', 'found the text "-10m": it cannot be negative'),
        ('{advance: 10 minutes}', 'found the text "10 minutes"'),
        ('{advance: 400000d}', '`advance`: 400000d is more than 365000 days'),
        ('{advance: }', '`advance` wants a duration with its unit'),
        ('{run: idle, within: 5}', '`within` wants a duration'),
        ('{stall: {worker: w1, for: 5}}', '`for` wants a duration'),
        ('{stall: {worker: w1}}', '`for` missing in `stall`: {worker: w1, for: 2m}'),
        ('{database: {down: 30}}', '`down` wants a duration'),
        ('{database: {next: dedlock}}', 'the text "dedlock": did you mean `deadlock`?'),
        ('{database: {next: deadlock, by: w7}}', 'no `workers` or `start` before this makes'),
        ('{slack: {hang: 30s, down: 5m}}', "`hang` and `down`: they don't belong together"),
        ('{call: {actionn: X}}', '`action` missing in `call`; did you mean `actionn`?'),
        ('{call: {action: X}, expect: {}}', '`expect` wants a mapping such as {http: 200'),
        ('{call: {action: X}, expect: {htp: 5}}', 'unknown key `htp` in `expect`; did you mean'),
        ('{call: {action: X, a: $frist}}', 'declares `$frist`; did you mean `$first`?'),
        ('{call: {action: X, a: $5}}', '`$5`: a text that begins with a dollar sign is written'),
        ('{call: {action: X}, save: {first: body.id}}', 'the name `first` is taken: line 4'),
        ('{call: {action: X}, save: {a: jobId}}', 'such as body.jobId; found the text "jobId"'),
        ('{call: {action: X, a: $b}, save: {b: body}}', 'no step before this one declares `$b`'),
        ('{post: {body: x, base64: eA==}}', '`body` and `base64` are two ways to write one body'),
        ('{post: {base64: e}}', '`base64` is no base 64'),
        ('{post: {body: "[", repeat: 1000000000}}', '`post`: this is more than 64 MiB'),
        ('{post: {headers: {A: 5}}}', '`A` wants a text; found the number 5: quote it: "5"'),
        ('{job: {as: first, action: X}}', 'the name `first` is taken: line 4 declares it'),
        ('{job: {as: a, action: X, params: {b: $a}}}', 'no step before this one declares `$a`'),
        ('{job: {action: X, trymax: 3}}', 'unknown key `trymax` in `job`; did you mean `try_max`?'),
        ('{job: {action: X, try_period: 0.5}}', '`try_period` wants whole seconds or a duration'),
        ('{job: {action: X, params: [1]}}', '`params` wants a mapping such as {name: web-1}, or'),
        ('{job: {action: X, run_at: 10m}}', 'found the text "10m": write +10m'),
        ('{job: {action: X, run_at: 10}}', 'found the number 10: write +10s'),
        ('{job: {action: X, run_at: +10}}', '`+10`: write the number without its sign'),
        ('{job: {action: X, run_at: 2026-02-29}}', '`run_at`: there is no such time as 2026-02-29'),
        ('{job: {action: X, project_id: no}}', 'write false, or quote the text: "no"'),
        ('{job: {action: X, project_id: 5}}', 'found the number 5: quote it: "5"'),
        ('{job: {action: true}}', 'found true: quote it: "true"'),
        ('{expect: }', '`expect` wants a mapping such as'),
        ('{expect: {}}', 'found an empty mapping'),
        ('{expect: {jobs: {frist: any}}}', 'declares the job `frist`; did you mean `first`?'),
        ('{expect: {runs: {$nix: [0s]}}}', 'no step before this one declares `$nix`'),
        ('{expect: {jobs: {first: any, $first: any}}}', 'the job `first` is there twice in `jobs`'),
        ('{expect: {jobs: {first: {status: finshed}}}}', 'did you mean `finished`?'),
        ('{expect: {jobs: {first: {state: error}}}}', 'unknown key `state` in `first`; did you'),
        ('{expect: {jobs: {first: {result: "~("}}}}', '`~(` is no regular expression: missing )'),
        ('{expect: {runs: {first: [1m, 30s]}}}', '`first`: this try begins before the one before'),
        ('{expect: {runs: {first: [60]}}}', 'found the number 60: write 60s or 60m'),
        ('{expect: {slack: two}}', '`slack` wants a count such as 2, or a list'),
        ('{expect: {slack: -1}}', '`slack` wants a count such as 2, or a list'),
        ('{expect: {running: -1}}', '`running` wants a whole number of at least 0'),
        ('{cancel: frist}', 'declares the job `frist`; did you mean `first`?'),
        ('{retry: $mode}', 'no step before this one declares `$mode`'),
        ('{cancel: 5}', '`cancel` wants a job such as job1, or $name of an id; found the number 5'),
        ('{crash: w3}', 'before this makes the worker `w3`; workers until here: w1, w2'),
        ('{crash: worker}', '`crash` wants a worker such as w1; found the text "worker"'),
        ('{start: one}', '`start` wants a name for the worker, w and a number such as w2'),
    ],
)
def test_what_is_wrong_with_a_step_is_told(text: str, message: str) -> None:
    """What was found, what is wanted, and the nearest that is known; one message for one thing."""
    assert message in said_of_step(text)


@pytest.mark.parametrize(
    ('before', 'text', 'message'),
    [
        ('{crash: w1}', '{crash: w1}', 'the worker `w1` crashed in line 4; `start` it before this'),
        ('{stop: w1}', '{stall: {worker: w1, for: 5s}}', 'the worker `w1` stopped in line 4'),
        (CALL, '{expect: {jobs: {made: any}}}', '`made` is no alias of a job step; write `$made`'),
        (CALL, '{call: {action: X}, save: {made: body}}', 'the name `made` is taken: line 4'),
    ],
)
def test_what_steps_before_have_done_counts(before: str, text: str, message: str) -> None:
    """Workers that ended, names that are taken."""
    assert message in said_of_step(text, before)


def test_a_worker_can_be_started_again() -> None:
    """And one that seems to run too: it may have left by itself."""
    steps = ['{crash: w1}', '{start: w1}', '{stop: w1}', '{start: w1}', '{start: w1}', '{stop: w1}']
    assert len(loads('scenario: x\nsteps:\n- ' + '\n- '.join(steps)).steps) == len(steps)


@pytest.mark.parametrize(
    ('text', 'messages'),
    [
        ('', ['1:1 the file is empty']),
        ('~', ['1:1 the file wants `scenario: what it shows` and `steps:`']),
        ('- run: idle', ['1:1 the file wants `scenario: what it shows` and `steps:`']),
        ('scenario: x', ['1:1 `steps` missing in the file']),
        ('app: x', ['1:1 `scenario` and `steps` missing in the file']),
        ('scenario: x\nsteps: []', ['2:8 `steps` wants a list of steps']),
        ('scenario: x\nsteps:\n', ['2:7 `steps` wants a list of steps']),
        (f'scenario: 5\nsteps: [{JOB}]', ['1:11 `scenario` wants a sentence']),
        (
            f'scenario: x\nstpes: 1\nsteps: [{JOB}]',
            ['2:1 unknown key `stpes` in the file; did you'],
        ),
        (f'scenario: x\nsteps: [{JOB}]\nsteps: [{JOB}]', ['3:1 the key `steps` is there twice']),
        (f'scenario: x\napp: my app\nsteps: [{JOB}]', ['2:6 `app` wants a module such as']),
        (f'scenario: x\nworkers: two\nsteps: [{JOB}]', ['2:10 `workers` wants a whole number']),
        (f'scenario: x\nworkers: true\nsteps: [{JOB}]', ['2:10 `workers` wants a whole number']),
        (
            f'scenario: x\nworker: {{exec_time: 1}}\nsteps: [{JOB}]',
            ['2:10 unknown key `exec_time` in `worker`; did you mean `exec_timeout`?'],
        ),
        (
            f'scenario: x\nworker: {{lease: 1, grace: -1}}\nsteps: [{JOB}]',
            ['2:17 lease must be 3 seconds or more', '2:27 `grace` wants seconds or a duration'],
        ),
        (f'scenario: x\nenv: {{A: 5}}\nsteps: [{JOB}]', ['2:10 `A` wants a text, quoted; found']),
        (f'scenario: x\nenv: {{A B: x}}\nsteps: [{JOB}]', ['2:7 a name in `env` has no space']),
        (f'scenario: x\nstart: 2026-13-01\nsteps: [{JOB}]', ['2:8 `start`: there is no such time']),
        (f'scenario: x\nsteps: [{JOB}]\n---\n', ['3:1 a second document begins here']),
        (
            'scenario: x\nsteps:\n- {job: {as: a, action: 5}}\n- {expect: {jobs: {a: any}}}\n- {}',
            ['3:25 `action` wants', '5:3 `steps[3]` wants a mapping'],
        ),
        (
            'scenario: x\nsteps:\n- &bad {advance: 5}\n- *bad\n',
            ['3:18 `advance` wants a duration'],
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(text: str, messages: list[str]) -> None:
    """All of it, in the order of the file, each thing once."""
    found = said(text)
    assert len(found) == len(messages)
    for message, wanted in zip(found, messages, strict=True):
        assert message.startswith(wanted)


def test_the_error_shows_the_line_and_points_at_the_place() -> None:
    """As a compiler does."""
    with pytest.raises(ScenarioError) as caught:
        loads('scenario: x\nsteps:\n- {call: {action: 日本, x: $y}}\n', 'scenarios/x.yaml')
    assert str(caught.value) == (
        'scenarios/x.yaml:3:26: no step before this one declares `$y`; names until here: none\n'
        '    - {call: {action: 日本, x: $y}}\n'
        '                               ^'
    )


def test_a_file_that_is_not_utf_8_is_told_with_the_place(tmp_path: Path) -> None:
    """The byte is named by line and column."""
    path = tmp_path / 'x.yaml'
    path.write_bytes('scenario: x\nenv: {A: é'.encode() + b'\xe9}\n')
    with pytest.raises(ScenarioError) as caught:
        load(path)
    [problem] = caught.value.problems
    assert (problem.path, problem.line, problem.column) == (str(path), 2, 11)
    assert 'not UTF-8' in problem.message


def test_the_faults_are_those_of_the_database() -> None:
    """What the runner hands on is known there."""
    assert set(get_args(DatabaseKind)) == {'down', 'hang', 'read_only', *FAULTS}
