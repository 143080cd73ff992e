"""The fan-out: no channel costs a job or another channel anything; storms become digests."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import gevent
import pytest

from wumai.clock import SystemClock
from wumai.error import ConfigError
from wumai.notify.base import Notice
from wumai.notify.fanout import BACKLOG, PER_WINDOW, TIME_LIMIT, Fanout
from wumai_testing.clock import VirtualTime, virtual_time

START = datetime(2026, 1, 1)


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time(START) as clock:
        yield clock


class Recorder:
    """A channel that keeps what it gets, after `act` has had its way."""

    def __init__(self, act: Callable[[], None] = lambda: None, name: str = 'recorder') -> None:
        self.name = name
        self.attempts: list[float] = []
        self.texts: list[str] = []
        self.act = act
        self._clock = SystemClock()
        self._began = self._clock.monotonic()

    def send(self, text: str) -> None:
        self.attempts.append(round(self._clock.monotonic() - self._began, 3))
        self.act()
        self.texts.append(text)


def fanout(*channels: Recorder, notify_on: str = 'every') -> Fanout:
    return Fanout(channels, SystemClock(), notify_on=notify_on)


def notice(number: int = 1, *, last: bool = False) -> Notice:
    next_try = None if last else START + timedelta(minutes=10)
    return Notice('CreateInstance', f'job-{number}', 1, 3, 'boom', next_try)


def refuse() -> None:
    raise ConnectionError('refused, token=hunter2')


def hang() -> None:
    gevent.sleep(3600)


class Nameless:
    def send(self, text: str) -> None:
        """Nothing."""


@pytest.mark.parametrize('channel', [print, Nameless(), Nameless])
def test_what_is_no_channel_is_refused(channel: Any) -> None:
    """Where it is added, and not when the first try has failed, or at the stop."""
    with pytest.raises(ConfigError, match=r'a channel has a `name`, a str, and `send\(text\)`'):
        fanout().add(channel)


def test_each_channel_gets_each_message(clock: VirtualTime) -> None:
    """In the order of the failures, also a channel that was added later."""
    one, two = Recorder(), Recorder()
    notifier = fanout(one)
    notifier.add(two)
    for number in (1, 2):
        notifier.failed(notice(number))
    clock.settle()
    assert one.texts == two.texts == [notice(1).text, notice(2).text]
    assert notifier.pending() == 0


def test_failed_returns_before_anything_is_sent(clock: VirtualTime) -> None:
    """Delivery is outside the job's path."""
    channel = Recorder(hang)
    notifier = fanout(channel)
    notifier.failed(notice())
    assert channel.attempts == []
    assert notifier.pending() == 1
    clock.settle()
    assert channel.attempts == [0.0]


def test_a_channel_that_hangs_does_not_hold_another(clock: VirtualTime) -> None:
    """Each has a line of its own."""
    hanging, other = Recorder(hang), Recorder()
    notifier = fanout(hanging, other)
    for number in (1, 2):
        notifier.failed(notice(number))
    clock.settle()
    assert (len(hanging.texts), len(other.texts)) == (0, 2)


def test_a_failed_delivery_is_tried_three_times(
    clock: VirtualTime, caplog: pytest.LogCaptureFixture
) -> None:
    """After 1 s and 5 s more; then it is logged, without secrets, and dropped."""
    channel = Recorder(refuse)
    notifier = fanout(channel)
    notifier.failed(notice())
    clock.advance(60)
    assert channel.attempts == [0.0, 1.0, 6.0]
    assert notifier.pending() == 0
    (line,) = caplog.messages
    assert 'recorder: a message is dropped after 3 attempts: ConnectionError' in line
    assert 'hunter2' not in line


def test_a_delivery_that_hangs_is_cut_off(clock: VirtualTime) -> None:
    """After 15 s, whatever the channel does; the next message gets its turn."""
    channel = Recorder(hang)
    notifier = fanout(channel)
    notifier.failed(notice())
    clock.advance(TIME_LIMIT + 0.5)
    channel.act = lambda: None
    clock.advance(10)
    assert channel.attempts == [0.0, TIME_LIMIT + 1]
    assert channel.texts == [notice().text]


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), gevent.Timeout(1)])
def test_whatever_a_channel_raises_is_its_own_failure(
    clock: VirtualTime, error: BaseException
) -> None:
    """It is tried again, and nothing else ends."""

    def act() -> None:
        channel.act = lambda: None
        raise error

    channel = Recorder(act)
    notifier = fanout(channel)
    notifier.failed(notice())
    clock.advance(2)
    assert channel.texts == [notice().text]


def test_a_storm_is_folded_into_a_digest(clock: VirtualTime) -> None:
    """The first 20 of a minute one by one, the rest as one message at its end."""
    channel = Recorder()
    notifier = fanout(channel)
    for number in range(1000):
        notifier.failed(notice(number, last=number % 10 == 0))
    clock.advance(59)
    assert channel.texts == [notice(n, last=n % 10 == 0).text for n in range(PER_WINDOW)]
    assert notifier.pending() == 1
    clock.advance(1)
    assert channel.texts[PER_WINDOW:] == [
        '980 more failed tries since 2026-01-01 00:00:00 UTC: CreateInstance 980; 98 gave up; '
        'first job-20, job-21, job-22, job-23, job-24'
    ]
    assert channel.attempts[-1] == 60.0


def test_the_next_minute_begins_anew(clock: VirtualTime) -> None:
    """20 messages a minute are no storm."""
    channel = Recorder()
    notifier = fanout(channel)
    for minute in range(3):
        for number in range(PER_WINDOW):
            notifier.failed(notice(minute * PER_WINDOW + number))
        clock.advance(60)
    assert len(channel.texts) == 3 * PER_WINDOW
    assert not [text for text in channel.texts if 'more failed tries' in text]


def test_a_digest_names_the_most_common_actions(clock: VirtualTime) -> None:
    """However many there are."""
    channel = Recorder()
    notifier = fanout(channel)
    for number in range(PER_WINDOW):
        notifier.failed(notice(number))
    for number in range(7):
        notifier.failed(Notice(f'Action{number}', 'job-x', 1, 1, 'boom', None))
    notifier.failed(Notice('Action6', 'job-x', 1, 1, 'boom', None))
    clock.advance(60)
    assert ': Action6 2, Action0 1, Action1 1, Action2 1, Action3 1, others; ' in channel.texts[-1]
    assert channel.texts[-1].endswith('; 8 gave up; first job-x')


def test_a_dead_channel_keeps_no_endless_backlog(clock: VirtualTime) -> None:
    """What it cannot take is counted; when it is back it gets the counts first."""
    channel = Recorder(hang)
    notifier = fanout(channel)
    for number in range(60 * PER_WINDOW):
        notifier.failed(notice(number))
        clock.advance(3)
    assert notifier.pending() <= BACKLOG + 2
    channel.act = lambda: None
    clock.advance(200)
    assert notifier.pending() == 0
    assert [text for text in channel.texts if 'more failed tries' in text]


def test_an_idle_notifier_leaves_nothing_behind(clock: VirtualTime) -> None:
    """No greenlet and no timer: a simulation may know that nothing is left to happen."""
    channel = Recorder()
    notifier = fanout(channel)
    notifier.failed(notice())
    clock.settle()
    assert not [one for one in clock.parked if 'fanout' in repr(one).lower()]
    began = clock.now_ns
    clock.settle()
    assert clock.now_ns == began


def test_only_the_last_try_is_told_on_demand(clock: VirtualTime) -> None:
    """notify_on='last': messages of jobs that gave up."""
    channel = Recorder()
    notifier = fanout(channel, notify_on='last')
    notifier.failed(notice(1))
    notifier.failed(notice(2, last=True))
    clock.settle()
    assert channel.texts == [notice(2, last=True).text]


def test_notify_on_is_checked() -> None:
    """A typing error is told at the start, with what is allowed."""
    with pytest.raises(ConfigError, match=r"notify_on is 'never': .* 'every' .* 'last'"):
        fanout(notify_on='never')


def test_flush_sends_what_waits(clock: VirtualTime) -> None:
    """A digest before its time too, after the messages that came before it."""
    channel = Recorder(lambda: gevent.sleep(0.1))
    notifier = fanout(channel)
    for number in range(PER_WINDOW + 3):
        notifier.failed(notice(number))
    assert notifier.flush(5)
    assert channel.texts[-1].startswith('3 more failed tries')
    assert clock.monotonic() == pytest.approx(0.1 * (PER_WINDOW + 1))


def test_flush_ends_in_time(clock: VirtualTime) -> None:
    """A channel that hangs holds the stop of a worker no longer than that."""
    notifier = fanout(Recorder(hang), Recorder())
    notifier.failed(notice())
    assert not notifier.flush(5)
    assert clock.monotonic() == pytest.approx(5)
    assert fanout(Recorder()).flush(5)


def test_close_drops_what_is_on_its_way(
    clock: VirtualTime, caplog: pytest.LogCaptureFixture
) -> None:
    """And says how much that was."""
    channel = Recorder(hang)
    notifier = fanout(channel)
    for number in range(3):
        notifier.failed(notice(number))
    clock.settle()
    notifier.close()
    assert notifier.pending() == 0
    assert caplog.messages == ['recorder: closed with 3 messages unsent']
    clock.advance(3600)
    assert channel.attempts == [0.0]


def test_after_close_it_may_be_used_again(clock: VirtualTime) -> None:
    """A worker that is started again has its channels."""
    channel = Recorder()
    notifier = fanout(channel)
    notifier.failed(notice(1))
    notifier.close()
    notifier.failed(notice(2))
    clock.settle()
    assert channel.texts == [notice(2).text]


def test_last_words_are_said_from_the_thread_that_asks(clock: VirtualTime) -> None:
    """With what still waited, within the time that is left, whatever one channel does."""
    hanging, refusing, other = Recorder(hang), Recorder(refuse), Recorder()
    notifier = fanout(hanging, refusing, other)
    notifier.failed(notice(1))
    notifier.last_words([notice(2, last=True)], 10)
    assert other.texts == [notice(1).text, notice(2, last=True).text]
    assert clock.monotonic() == pytest.approx(10)


HELD = """
from gevent import monkey; monkey.patch_all()
from wumai.clock import SystemClock
from wumai.notify.base import Notice
from wumai.notify.fanout import Fanout

class Channel:
    name = 'channel'
    def send(self, text):
        print(text)

ended = []

def leave():
    notifier.last_words([Notice('A', 'job-2', 1, 1, 'held', None)], 5)
    ended.append(True)

notifier = Fanout([Channel()], SystemClock())
notifier.failed(Notice('A', 'job-1', 1, 1, 'queued', None))
monkey.get_original('_thread', 'start_new_thread')(leave, ())
while not ended:
    pass
"""


def test_last_words_are_said_while_a_handler_holds_the_hub(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """From a native thread, as the heartbeat does before the process leaves."""
    subprocess.run([sys.executable, '-c', HELD], check=True, timeout=60)
    assert capfd.readouterr().out == (
        'A job-1 try 1 of 1 failed: queued; gave up\nA job-2 try 1 of 1 failed: held; gave up\n'
    )
