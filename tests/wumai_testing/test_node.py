"""The runtime of a simulated process."""

from typing import Any, cast

import gevent

from wumai.store.base import Store
from wumai_testing.clock import virtual_time
from wumai_testing.node import NodeHeartbeat


def test_a_stopped_heartbeat_ends_the_beat_under_way() -> None:
    """As the thread of production does: it may be writing and telling a try's timeout."""
    told: list[str] = []

    def beat(store: Store) -> float | None:
        told.append('begins')
        gevent.sleep(3)
        told.append('ends')
        return 1.0

    def stopped_after(seconds: float) -> list[str]:
        told.clear()
        heartbeat = NodeHeartbeat(lambda: cast(Any, None), lambda code: None)
        heartbeat.start(beat, 1.0)
        heartbeat.began()
        gevent.sleep(seconds)
        heartbeat.stop()
        at_stop = list(told)
        gevent.sleep(60)
        assert told == at_stop
        return at_stop

    with virtual_time():
        assert stopped_after(0.5) == []
        assert stopped_after(2.0) == ['begins', 'ends']
