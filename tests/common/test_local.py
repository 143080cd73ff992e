"""What belongs to the running context."""

import gevent

from wumai.common import local


def test_greenlets_do_not_share_their_context() -> None:
    """Each greenlet is in the request or try that it entered, and in none before."""
    seen = []

    def run(server: str, context_id: str) -> None:
        before = (local.get_server(), local.get_context_id())
        local.enter(server, context_id)
        gevent.sleep(0)
        seen.append((before, local.get_server(), local.get_context_id()))

    gevent.joinall([gevent.spawn(run, 'public', 'a'), gevent.spawn(run, 'worker', 'job-1.1')])
    assert seen == [(('', '-'), 'public', 'a'), (('', '-'), 'worker', 'job-1.1')]
