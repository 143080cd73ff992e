"""The databases that are explored."""

from dataclasses import replace

import pytest

from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.driver import EMBEDDED_LATENCY, run
from wumai_testing.explore.plan import PlannedFault, PlannedJob


@pytest.mark.parametrize('kind', ['emulated', 'sqlite', 'mysql'])
def test_a_crash_on_each(kind: str, request: pytest.FixtureRequest) -> None:
    """Virtual time is everywhere the database's, also where the server has a real one."""
    urls = {'emulated': None, 'sqlite': 'sqlite'}
    url = urls[kind] if kind in urls else request.getfixturevalue('mysql_database')
    jobs = [PlannedJob(0, 'Slow', {'seconds': 3}), PlannedJob(1, 'Flaky', delay=2.0)]
    crash = PlannedFault(2, 'crash', 'w1', 1.0)
    result = run(plan(*jobs, faults=[crash], calm_at=10), load_app(), url=url)
    assert result.broken is None
    assert result.reached['rescue'] >= 1
    assert result.reached['finished Slow'] == result.reached['finished Flaky'] == 1


@pytest.mark.parametrize(('url', 'latency'), [(None, 0.05), ('sqlite', EMBEDDED_LATENCY)])
def test_no_network_is_between_a_worker_and_sqlite(url: str | None, latency: float) -> None:
    """With journeys inside each transaction its one lock would hardly ever be free."""
    far = replace(plan(PlannedJob(0, 'Quick')), latency=0.05)
    result = run(far, load_app(), url=url)
    assert result.broken is None
    assert result.plan.latency == latency
