"""Row locks in virtual time."""

import gevent
import pytest
from pymysql import err

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


def test_a_lock_that_was_handed_over_to_a_connection_that_then_broke() -> None:
    """Both ends of it go in the same moment: the one that waited must not go on and write."""
    locks, holder, waiting = Locks(), Owner(), Owner()
    with virtual_time() as clock:
        locks.acquire('row', holder, 50)
        one = gevent.spawn(locks.acquire, 'row', waiting, 50)
        clock.advance(1)
        locks.release_all(holder)
        locks.release_all(waiting)
        with pytest.raises(err.OperationalError, match='Lost connection'):
            one.get()
    assert len(locks) == 0
