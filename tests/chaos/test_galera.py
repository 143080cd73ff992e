"""Workers over a cluster of three nodes, each with all of them in its URL."""

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.chaos.chaos import Plan, run, table
from tests.chaos.fleet import now
from tests.chaos.galera import Galera
from tests.store.conftest import NOW
from tests.waiting import until
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.store.db_errors import Busy, translate
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore

pytestmark = pytest.mark.timeout(500)  # a cluster needs half a minute, and more on a busy machine
LEASE = 9
"""Longer than a cluster takes to agree that a node is gone."""


@pytest.fixture(scope='module')
def cluster() -> Iterator[Galera]:
    if not Galera.available():
        if os.environ.get('WUMAI_CI_REQUIRES_MYSQL'):
            pytest.fail('no Galera here: mariadb-server, galera-4 and rsync are needed')
        pytest.skip('no Galera here: mariadb-server, galera-4 and rsync are needed')
    with Galera() as one:
        one.nodes[0].execute('CREATE DATABASE story CHARACTER SET utf8mb4')
        yield one


def test_jobs_flow_while_nodes_are_killed_and_partitioned(cluster, tmp_path, stage_on):
    """Each worker begins at another node; one node is killed, then another cut off."""
    one, two, three = cluster.nodes
    stage = stage_on(cluster.url('story'), tmp_path)
    workers = [stage.fleet.start(cluster.url('story', n), n, lease=LEASE) for n in range(3)]
    until(lambda: all(worker.takes_jobs for worker in workers))
    ids = [stage.job('Step', seconds=0.2) for _ in range(60)]
    long = stage.job('Step', seconds=2 * LEASE)
    stage.await_run(long)
    three.kill()
    ids += [stage.job('Step', seconds=0.2) for _ in range(60)]
    _await_all(stage, ids)
    cluster.rejoin(three)
    two.isolate()
    until(lambda: two.status('wsrep_cluster_status') == 'non-Primary')
    cut = now()

    def moved() -> bool:
        """Whether the worker of the node that is cut off works on another."""
        ids.append(stage.job('Step', seconds=0.1))
        return any(run.begin > cut for run in stage.journal.runs() if run.pid == workers[1].pid)

    until(moved, what='the worker leaves its node')
    _await_all(stage, [*ids, long])
    two.reconnect()
    two.await_synced()
    assert one.status('wsrep_cluster_size') == '3'
    assert stage.fleet.stop() == [0, 0, 0]
    assert {run.job for run in stage.journal.runs()} == {*ids, long}
    assert len(stage.runs(long)) == 1, 'no lease was lost by a failover'
    assert 'rescued' not in stage.logs()


def test_a_certification_failure_is_definite(cluster, tmp_path, stage_on):
    """Of two nodes that write one row the second is told so at its commit, and nothing is stored
    of what it wrote: that is tried again, and no doubt.
    """
    stage = stage_on(cluster.url('story'), tmp_path)
    job_id = stage.job('Step')
    one, two = (_engine(cluster.url('story', n)) for n in (0, 1))
    with one.connect() as late:
        late.execute(text(f"UPDATE job SET error = 'lost' WHERE id = '{job_id}'"))
        assert SqlStore(two).cancel(job_id, NOW)
        with pytest.raises(DBAPIError) as raised:
            late.commit()
    assert type(translate(raised.value, committing=True)) is Busy
    assert stage.row(job_id).error == 'cancelled'


def _engine(url):
    conf = Config()
    conf.apply(DB_URL=url)
    return make_engine(database_url(conf), ROLES['worker'], SystemClock())


def _await_all(stage, ids):
    for job_id in ids:
        stage.await_status(job_id, 'finished')


@pytest.mark.chaos
def test_no_job_is_lost_in_a_minute_of_chaos(tmp_path, capsys):
    """As on the others, with nodes in the place of the server."""
    if not Galera.available():
        pytest.skip('no Galera here')
    report = run(Plan(database='galera'), tmp_path)
    with capsys.disabled():
        print(f'\n{table(report)}')
    assert report.verdict.problems == {}
    assert report.verdict.finished == report.plan.jobs
