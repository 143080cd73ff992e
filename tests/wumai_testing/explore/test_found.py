"""What the explorer has found in the worker, each kept as the shortest story that shows it."""

from typing import Any

from wumai.model import Job
from wumai_testing.simulation import simulation


def test_a_try_has_its_whole_time_after_a_claim_that_was_long_in_doubt() -> None:
    """The watchdog counts from the handler's begin: an outage in between is no handler's fault."""

    def work(job: Any) -> None:
        job.sleep(4)

    with simulation() as sim:
        sim.route(None, {'Work': work}, exec_timeout=5, grace=1, lease=6)
        job_id = Job.create('Work')
        sim.database_next('lost_after_commit', by='w1')
        sim.run_until(lambda: 'lost_after_commit' in sim.timeline.text(), within=5)
        sim.database_down('20s')
        sim.run_until_idle(within='5m')
        assert sim.jobs[job_id].status == 'finished'
        assert sim.workers['w1'].alive
