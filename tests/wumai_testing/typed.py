"""What a type checker is to know of wumai_testing: `tox -e types` checks it, nothing runs it."""

from typing import assert_type

from wumai_testing import explore
from wumai_testing.explore import invariant
from wumai_testing.explore.many import Tally
from wumai_testing.notifications import Message
from wumai_testing.simulation import Simulation, simulation

assert_type(explore('disks', seeds=range(3)), Tally)


@invariant
def always() -> bool:
    return True


with simulation() as sim:
    assert_type(sim, Simulation)
    assert_type(sim.slack[-1], Message)
    assert_type(sim.sms[:2], list[Message])
    sim.route(None, {}, exec_timeout=5, lease=3.0)
    sim.route(None, {}, exec_timout=5)  # type: ignore[call-arg]
    sim.start_worker(lease='3')  # type: ignore[arg-type]
