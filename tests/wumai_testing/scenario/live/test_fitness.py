"""Which scenarios cannot run in real time, and why."""

import pytest

from wumai_testing.scenario import loads
from wumai_testing.scenario.live.fitness import reason_against, takes_no_time

JOB = 'job: {as: first, action: X}'


def reason(*steps: str, head: str = 'workers: 1', has_server: bool = True) -> str | None:
    lines = ['scenario: x', head, 'steps:', *(f'- {step}' for step in steps)]
    return reason_against(loads('\n'.join(lines)), has_server)


@pytest.mark.parametrize(
    ('step', 'why'),
    [
        ('database: {next: deadlock}', '`deadlock` can only be made to happen in a simulation'),
        ('slack: {down: 5s}', '`slack: down` can only be made to happen in a simulation'),
        ('sms: {hang: 5s}', '`sms: hang` can only be made to happen in a simulation'),
        (
            'job: {action: X, run_at: 2027-01-01T00:00:00Z}',
            'it asks for 2027-01-01 00:00:00, and real time is now',
        ),
        (
            'call: {action: X, at: "2027-01-01"}',
            'it asks for 2027-01-01, and real time is now',
        ),
        (
            'expect: {jobs: {first: {run_at: 2026-01-01T00:10:00Z}}}',
            'it expects 2026-01-01, and real time is now',
        ),
        (
            'expect: {jobs: {first: {error: "~until 2026-01-02"}}}',
            'it expects 2026-01-02, and real time is now',
        ),
    ],
)
def test_what_only_a_simulation_has(step: str, why: str) -> None:
    """The line of the step, and what it asks for."""
    assert reason(JOB, step) == f'line 5: {why}'


@pytest.mark.parametrize('fault', ['down', 'hang'])
def test_an_outage_wants_a_server_of_our_own(fault: str) -> None:
    """That of others is not ours to stop."""
    step = f'database: {{{fault}: 5s}}'
    assert reason(step) is None
    told = f'line 4: `database: {fault}` wants a server that is ours to stop'
    assert reason(step, has_server=False) == told


def test_a_start_that_is_not_now() -> None:
    """Only what begins at the default can begin at any time."""
    assert reason('run: idle', head='start: 2026-01-01T00:00:00Z') is None
    told = 'it begins at 2026-03-29 00:30:00, and real time is now'
    assert reason('run: idle', head='start: 2026-03-29T00:30:00Z') == told


def test_what_can_run() -> None:
    """Offsets, a date that is past, and all that processes can do."""
    steps = [
        'job: {as: first, action: X, run_at: +1s}',
        'job: {action: X, run_at: 2020-01-01T00:00:00Z}',
        'advance: 1s',
        'stall: {worker: w1, for: 1s}',
        'crash: w1',
        'start: w1',
        'stop: w1',
        'expect: {jobs: {first: {status: finished}}, runs: {first: [1s]}, slack: 0}',
    ]
    assert reason(*steps) is None


def test_what_takes_no_time() -> None:
    """It is not measured first."""
    scenario = loads(f'scenario: x\nsteps:\n- {JOB}\n- call: {{action: X}}\n- expect: {{slack: 0}}')
    assert takes_no_time(scenario)
    assert not takes_no_time(loads(f'scenario: x\nsteps:\n- {JOB}\n- run: idle'))
