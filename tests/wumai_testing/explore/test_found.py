"""What the explorer has found in the worker, each kept as the shortest story that shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wumai.job import Interrupt
from wumai.model import Job
from wumai.store import schema
from wumai_testing.explore.databases import EmulatedDatabase
from wumai_testing.explore.mysql import Server
from wumai_testing.simulation import START, Simulation, simulation


@contextmanager
def on_mysql() -> Iterator[Simulation]:
    """A simulation on the emulated MySQL."""
    server = Server(schema.metadata.tables.values(), lambda: START)
    with simulation(EmulatedDatabase(server)) as sim:
        server.now = sim.clock.now
        yield sim


def test_a_try_has_its_whole_time_after_a_claim_that_was_long_in_doubt() -> None:
    """The watchdog counts from the handler's begin: an outage in between is no handler's fault."""

    def work(job: Any) -> None:
        job.sleep(4)

    with on_mysql() as sim:
        sim.route(None, {'Work': work}, exec_timeout=5, grace=1, lease=6)
        job_id = Job.create('Work')
        sim.database_next('lost_after_commit', by='w1')
        sim.run_until(lambda: 'lost_after_commit' in sim.timeline.text(), within=5)
        sim.database_down('20s')
        sim.run_until_idle(within='5m')
        assert sim.jobs[job_id].status == 'finished'
        assert sim.workers['w1'].alive


def test_the_watchdog_leaves_while_the_database_is_away() -> None:
    """Its own connections have asked for no column yet; that is no reason to stay."""

    def never_ends(job: Any) -> None:
        while True:
            try:
                job.sleep(10)
            except Interrupt:
                continue

    with on_mysql() as sim:
        sim.route(None, {'NeverEnds': never_ends}, exec_timeout=5, grace=1, lease=6)
        Job.create('NeverEnds')
        sim.advance('3s')
        sim.database_down('1m')
        sim.advance('20s')
        assert sim.workers['w1'].exit_code == 75
