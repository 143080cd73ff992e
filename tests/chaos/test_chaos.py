"""Chaos as tests: a short one in each run, a minute with `-m chaos`."""

import pytest

from tests.chaos.chaos import Plan, run, table
from wumai_testing.mariadb import MariaDB

needs_mariadb = pytest.mark.skipif(not MariaDB.available(), reason='no MariaDB here')
KINDS = ['sqlite', pytest.param('mariadb', marks=needs_mariadb)]


@pytest.mark.parametrize('database', KINDS)
def test_no_job_is_lost_in_seconds_of_chaos(database, tmp_path, capsys):
    """Workers are killed, frozen and stopped, connections cut: each job ends once."""
    plan = Plan(database=database, workers=3, jobs=150, seconds=6, lease=3)
    _judge(plan, tmp_path, capsys)


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize('database', KINDS)
def test_no_job_is_lost_in_a_minute_of_chaos(database, tmp_path, capsys):
    """The same for a minute, with 4 workers and 2,000 jobs."""
    _judge(Plan(database=database), tmp_path, capsys)


def _judge(plan, folder, capsys):
    report = run(plan, folder)
    with capsys.disabled():
        print(f'\n{table(report)}')
    assert report.verdict.problems == {}
    assert report.verdict.finished == plan.jobs
