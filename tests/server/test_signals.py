"""The first stop signal asks, the second one insists."""

import os
import signal
import threading

import gevent
import pytest
from gevent.event import Event

from wumai.server.signals import STOP_SIGNALS, stop_signals

LIMIT = 10


@pytest.fixture
def kept():
    """The handlers of the test run; a test must leave them as they were."""
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    yield before
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


@pytest.mark.usefixtures('kept')
@pytest.mark.parametrize('number', STOP_SIGNALS)
def test_first_and_second(number):
    """The first signal is told in a greenlet, each later one where it strikes."""
    first, seconds = Event(), []
    with stop_signals(first.set, lambda: seconds.append('second')):
        os.kill(os.getpid(), number)
        assert first.wait(LIMIT)
        assert seconds == []
        os.kill(os.getpid(), number)
        assert seconds == ['second']


@pytest.mark.usefixtures('kept')
def test_a_second_signal_reaches_a_handler_that_never_yields():
    """Only the hub is needed for the first signal, nothing for the second."""
    firsts, seconds = [], []
    with stop_signals(lambda: firsts.append(1), lambda: seconds.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (firsts, seconds) == ([], [1])
        gevent.sleep(0)


@pytest.mark.usefixtures('kept')
def test_on_first_may_wait():
    """It runs in a greenlet of its own and not in the hub."""
    done = Event()

    def wait_then_set():
        gevent.sleep(0)
        done.set()

    with stop_signals(wait_then_set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert done.wait(LIMIT)


@pytest.mark.usefixtures('kept')
def test_two_servers_of_one_process_are_both_told():
    """Their ends may come in any order."""
    told = [Event(), Event()]
    outer, inner = stop_signals(told[0].set), stop_signals(told[1].set)
    with outer:
        inner.__enter__()
        os.kill(os.getpid(), signal.SIGTERM)
        assert all(event.wait(LIMIT) for event in told)
    inner.__exit__(None, None, None)


@pytest.mark.usefixtures('kept')
def test_put_back_after_an_exception():
    """A server that fails leaves nothing behind."""
    with pytest.raises(RuntimeError), stop_signals(lambda: None):
        raise RuntimeError


def test_another_thread_gets_no_signals():
    """Signals are the main thread's; a server started elsewhere is stopped by `stop()`."""
    handlers = []

    def run():
        with stop_signals(lambda: None):
            handlers.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [before]
