"""The databases of simulations."""

from wumai.model import Job
from wumai_testing.databases import server_database
from wumai_testing.simulation import simulation


def test_a_servers_clock_seems_to_step_to_nobody(mysql_database: str) -> None:
    """Who only looks on asks it too, and its time does not pass as the virtual one does."""
    with simulation(server_database(mysql_database)) as sim:
        sim.route(None, {'Act': lambda job: job.sleep(300)})
        job_id = Job.create('Act')
        for _ in range(3):
            sim.advance('90s')
            assert sim.jobs[job_id].status == 'running'
        assert [line.message for line in sim.logs if 'the clock moved' in line.message] == []
