"""Claims one by one, where a row that the database refuses keeps the others out."""

import pytest

from tests.worker.conftest import logged, sql
from wumai.model import Job
from wumai.worker.ahead import Ahead


@pytest.fixture
def refused(wumai_sim):
    """The first of twelve jobs, which no statement may make running."""
    ids = Job.create_many({'action': 'Act'} for _ in range(12))
    sql(
        wumai_sim,
        "CREATE TRIGGER refuse BEFORE UPDATE ON job WHEN NEW.status = 'running' "
        f"AND OLD.id = '{ids[0]}' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    return ids[0]


def test_what_no_statement_may_claim_is_told_in_one_line(wumai_sim):
    """A turn of the worker: there may be many jobs, and a turn each two seconds."""
    jobs = Job.create_many({'action': 'Act'} for _ in range(12))
    sql(
        wumai_sim,
        "CREATE TRIGGER refuse BEFORE UPDATE ON job WHEN NEW.status = 'running' "
        "BEGIN SELECT json('{'); END",
    )
    wumai_sim.route(None, {'Act': lambda job: None})
    wumai_sim.advance(1)
    lines = logged(wumai_sim, 'malformed JSON')
    assert all(' jobs are claimed one by one; not now ' in line for line in lines)
    assert jobs[0] in lines[0]
    assert lines[0].endswith(', 10 in all')


def test_no_more_are_claimed_than_there_are_places(wumai_sim, refused, monkeypatch):
    """Also by a worker that draws more, since it has collided with others."""
    monkeypatch.setattr(
        Ahead, 'draw', lambda self, places: [self._ids.popleft() for _ in range(len(self._ids))]
    )
    running, most = set(), []

    def act(job):
        running.add(job.id)
        most.append(len(running))
        job.sleep(10)
        running.discard(job.id)

    wumai_sim.route(None, {'Act': act}, exec_size=3, pick_size=3)
    wumai_sim.run_until_idle()
    assert max(most) == 3
    assert Job.get(refused).status == 'error'
    assert len(most) == 11
