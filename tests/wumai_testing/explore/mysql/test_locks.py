"""Row locks in virtual time."""

from wumai_testing.clock import virtual_time
from wumai_testing.explore.mysql.locks import Locks, Owner


def test_a_process_may_crash_while_it_waits() -> None:
    """What ends its wait then runs nowhere: neither in it, nor in the test."""
    locks, holder, waiting = Locks(), Owner(), Owner()
    with virtual_time() as clock:
        node = clock.node('w1')
        locks.acquire('row', holder, 50)
        node.spawn(locks.acquire, 'row', waiting, 50)
        clock.advance(1)
        node.crash()
        locks.interrupt(waiting)
        clock.advance(100)
    assert locks.waits == 1
    assert 'row' not in waiting.held
