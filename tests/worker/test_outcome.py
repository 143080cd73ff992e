"""What follows from the end of a try."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from wumai.job import (
    BadParams,
    Claim,
    GiveUp,
    LeaseLost,
    Outcome,
    RunLater,
    Stopped,
    TryTimeout,
)
from wumai.worker.outcome import BadResult, decide, describe, dump_result, failed, finished

NOW = datetime(2026, 1, 1, 12, 0, 0)
LAST = datetime(9999, 12, 31, 23, 59, 59)


def claim(trys=1, try_max=3, try_period=600):
    return Claim('job-1', 'token', 'Act', None, '{}', NOW, try_period, try_max, trys)


def decided(raised, now=NOW, **values):
    return decide(claim(**values), raised, now)


def test_a_result_finishes():
    """With its text, and nothing else."""
    outcome = finished(claim(), '{"a": 1}')
    assert outcome == Outcome('job-1', 'token', 'finished', result='{"a": 1}', trys=1)


def test_an_exception_is_tried_again():
    """try_period after the failure, with the error and its traceback."""
    try:
        raise ValueError('no')
    except ValueError as raised:
        outcome = decided(raised)
    assert (outcome.status, outcome.run_at, outcome.uncount) == (
        'pending', NOW + timedelta(seconds=600), False,
    )  # fmt: skip
    assert outcome.error.startswith('ValueError: no\n  File ')


def test_due_times_are_rounded_up():
    """No try begins before its time."""
    outcome = decided(ValueError(), NOW + timedelta(milliseconds=1))
    assert outcome.run_at == NOW + timedelta(seconds=601)


@pytest.mark.parametrize(('trys', 'status'), [(2, 'pending'), (3, 'error'), (4, 'error')])
def test_the_last_try_gives_up(trys, status):
    """try_max is the number of runs."""
    assert decided(ValueError(), trys=trys).status == status


@pytest.mark.parametrize(
    ('raised', 'error'),
    [
        (GiveUp('the image is gone'), 'the image is gone'),
        (GiveUp(''), 'GiveUp'),
        (BadParams('params are no JSON'), 'params are no JSON'),
        (BadResult('the result cannot be stored'), 'the result cannot be stored'),
    ],
)
def test_what_is_final(raised, error):
    """Whatever tries are left; with the reason alone."""
    assert decided(raised) == Outcome('job-1', 'token', 'error', error=error, trys=1)


def test_a_timeout_is_a_failed_try():
    """Its text is without a traceback, which is only where the handler happened to wait."""
    assert decided(TryTimeout('timeout: too long')).error == 'timeout: too long'
    assert decided(TryTimeout('late'), trys=3).status == 'error'


@pytest.mark.parametrize('raised', [SystemExit(1), KeyboardInterrupt(), RecursionError()])
def test_any_exception_is_a_failed_try(raised):
    """Those that end a program too."""
    assert (decided(raised).status, decided(raised).run_at is None) == ('pending', False)


def test_a_stop_hands_the_job_back():
    """Due as before, its try not counted."""
    assert decided(Stopped()) == Outcome('job-1', 'token', 'pending', uncount=True, trys=1)


def test_a_lost_lease_has_no_outcome():
    """The job is somebody else's."""
    assert decided(LeaseLost()) is None


@pytest.mark.parametrize(
    ('seconds', 'due'),
    [
        (30, NOW + timedelta(seconds=30)),
        (0, NOW + timedelta(seconds=1)),
        (-5, NOW + timedelta(seconds=1)),
        (1.2, NOW + timedelta(seconds=2)),
        (float('nan'), NOW + timedelta(seconds=1)),
        (float('inf'), LAST),
        (1e30, LAST),
    ],
)
def test_run_later(seconds, due):
    """At least a second later, at a whole second; its try is not counted, also not the last."""
    wanted = Outcome('job-1', 'token', 'pending', run_at=due, uncount=True, trys=3)
    assert decided(RunLater(seconds), trys=3) == wanted


def test_a_period_beyond_the_calendar():
    """Ends with the calendar, and not with an error."""
    assert failed(claim(try_period=10**12), 'no', NOW).run_at == LAST


class Unprintable(Exception):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def __str__(self):
        raise self.error


class SecretiveGiveUp(GiveUp):
    def __str__(self):
        raise KeyError('no')


@pytest.mark.parametrize('error', [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_an_error_that_cannot_be_printed(error):
    """Is named all the same."""
    assert describe(Unprintable(error)) == 'Unprintable: (its message cannot be printed)'
    assert decided(SecretiveGiveUp('x')).error == '(its message cannot be printed)'


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (None, 'null'),
        ({'a': [1, 2.5, 'ü']}, '{"a": [1, 2.5, "\\u00fc"]}'),
        ('\ud800', '"\\ud800"'),
        (datetime(2026, 1, 1, tzinfo=UTC), '"2026-01-01T00:00:00Z"'),
        (date(2026, 1, 1), '"2026-01-01"'),
        (Decimal('1.50'), '"1.50"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    ],
)
def test_results_are_ascii_json(value, text):
    """Which any column can hold."""
    assert dump_result(value) == text


class Angry(dict):
    def __init__(self):
        super().__init__(a=1)

    def items(self):
        raise KeyError('not today')


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    'value', [object(), {1, 2}, b'bytes', float('nan'), {(1, 2): 3}, nested(100_000), Angry()]
)
def test_what_is_no_json(value):
    """Raises one error, whatever the reason."""
    with pytest.raises(BadResult, match='the result cannot be stored'):
        dump_result(value)
