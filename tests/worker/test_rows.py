"""Rows of other programs: read with the defaults, and each costs itself alone."""

import pytest

from tests.worker.conftest import put_plain, sql, starts, state
from wumai.model import Job

ROUTES = {'Act': lambda job: 'done', 'Fail': lambda job: 1 / 0}


def test_a_row_of_nulls_runs(wumai_sim):
    """With the defaults: three tries, ten minutes apart, no params."""
    wumai_sim.route(None, ROUTES)
    put_plain(wumai_sim, 'job-1')
    put_plain(wumai_sim, 'job-2', action='Fail')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, 'job-1') == ('finished', 1)
    assert wumai_sim.jobs['job-2'].tries == [('error', '0s'), ('error', '10m'), ('error', '20m')]


@pytest.mark.parametrize(
    'columns',
    [
        {'try_max': 3, 'trys': 3},
        {'trys': 99},
        {'try_max': 0, 'trys': 1},
        {'trys': 'many'},
        {'try_period': 'often'},
        {'run_at': 'soon'},
        {'run_at': '!'},
    ],
)
def test_a_row_that_cannot_run_ends_unrun(wumai_sim, columns):
    """In error with the reason, without a message; its neighbours run."""
    wumai_sim.route(None, ROUTES)
    put_plain(wumai_sim, 'job-1', **columns)
    put_plain(wumai_sim, 'job-2')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, 'job-2') == ('finished', 1)
    assert Job.get('job-1').status == 'error'
    assert Job.get('job-1').error.startswith(('no try is left', f'{next(iter(columns))} is no'))
    assert wumai_sim.jobs['job-1'].tries == []
    assert len(wumai_sim.slack) == 0


@pytest.mark.parametrize(
    ('run_at', 'due'),
    [
        ('2026-01-01T00:01:00', 60),
        ('2026-01-01T00:01:00Z', 60),
        ('2026-01-01T09:01:00+09:00', 60),
        (1_767_225_660, 60),
        ('2025-12-31T23:00:00Z', 0),
        (12, 0),
    ],
)
def test_times_in_other_forms(wumai_sim, run_at, due):
    """They are waited for; found at the latest with the next look for lost jobs."""
    wumai_sim.route(None, ROUTES)
    wumai_sim.advance(1)
    put_plain(wumai_sim, run_at=run_at)
    wumai_sim.run_until_idle()
    (began,) = starts(wumai_sim, 'job-1')
    assert due <= began <= due + 25


def test_huge_numbers(wumai_sim):
    """A period beyond the calendar is the longest that can be written; the loop goes on."""
    wumai_sim.route(None, ROUTES)
    put_plain(wumai_sim, 'job-1', action='Fail', try_period=10**15, try_max=10**15)
    wumai_sim.advance(1)
    put_plain(wumai_sim, 'job-2')
    wumai_sim.advance('1m')
    assert state(wumai_sim, 'job-1') == ('pending', 1)
    assert Job.get('job-1').run_at.year == 2094
    assert state(wumai_sim, 'job-2') == ('finished', 1)


def test_bytes_where_text_is_expected(wumai_sim):
    """An action that is no text is an unknown one, and can be told."""
    wumai_sim.route(None, ROUTES)
    put_plain(wumai_sim, 'job-1', action=b'\xff', try_max=1)
    put_plain(wumai_sim, 'job-2', params=b'{}')
    wumai_sim.run_until_idle()
    assert state(wumai_sim, 'job-1') == ('error', 1)
    assert len(wumai_sim.slack) == 1
    assert state(wumai_sim, 'job-2') == ('finished', 1)


@pytest.mark.parametrize('updated', [None, 'soon', '2025-12-31T00:00:00Z', 1])
def test_a_running_row_of_nobody_is_rescued(wumai_sim, updated):
    """Whatever its `updated` is: none stays running."""
    wumai_sim.route(None, ROUTES)
    put_plain(wumai_sim, status='running', updated=updated)
    wumai_sim.run_until_idle(within='5m')
    assert state(wumai_sim, 'job-1') == ('finished', 1)
    assert 'worker lost' in wumai_sim.slack[0].text


def test_jobs_are_listed_whatever_they_hold(wumai_sim):
    """A bad row keeps nobody from seeing the others."""
    put_plain(wumai_sim, trys='many', try_max='x', try_period='y', params='{', run_at='soon')
    put_plain(wumai_sim, 'job-2', status='finished', result='no json')
    first, second = Job.list()
    assert (first.trys, first.try_max, first.try_period, first.params) == (0, 3, 600, {})
    assert second.result == 'no json'


def test_a_row_may_come_and_go(wumai_sim):
    """Deleted while its handler runs: its outcome is dropped, and the worker goes on."""

    def handler(job):
        job.sleep(10)
        sql(wumai_sim, 'DELETE FROM job WHERE id = :id', id=job.id)

    wumai_sim.route(None, {**ROUTES, 'Go': handler})
    put_plain(wumai_sim, 'job-1', action='Go')
    wumai_sim.advance('1m')
    put_plain(wumai_sim, 'job-2')
    wumai_sim.run_until_idle()
    assert list(wumai_sim.jobs) == ['job-2']
    assert state(wumai_sim, 'job-2') == ('finished', 1)
