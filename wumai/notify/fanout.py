"""The Notifier of wumai: each channel has a line of its own, so that none waits for another."""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime

import gevent
from gevent.event import Event

from wumai import logger
from wumai.clock import Clock
from wumai.common import local
from wumai.common.secrets import mask_text
from wumai.config import Config
from wumai.error import ConfigError
from wumai.notify.base import Channel, Notice, clean
from wumai.notify.slack import Slack
from wumai.notify.sms import Sms

TIME_LIMIT = 15.0
"""Seconds that one attempt to deliver may take."""
PAUSES = (1.0, 5.0)
"""Seconds between attempts; after the last the message is dropped."""
WINDOW = 60.0
PER_WINDOW = 20
"""Messages that a channel gets in a window of this many seconds, before the digest."""
CLOSING = 2.0
"""Seconds that a channel is given to end when it is interrupted."""
BACKLOG = 100
"""Messages that wait for a slow channel; what comes then is told in its digest."""
SHOWN = 5
"""Actions, and ids, that a digest names."""


class Fanout:
    """Sends notices to channels, each from a greenlet that lives while it has something to send."""

    def __init__(
        self, channels: Iterable[Channel], clock: Clock, *, notify_on: str = 'every'
    ) -> None:
        if notify_on not in ('every', 'last'):
            raise ConfigError(
                f"notify_on is {notify_on!r}: it must be 'every' (each failed try) "
                "or 'last' (only jobs that gave up)"
            )
        self._clock = clock
        self._only_last = notify_on == 'last'
        self._lines = [_Line(channel, clock) for channel in channels]

    def add(self, channel: Channel) -> None:
        self._lines.append(_Line(channel, self._clock))

    def failed(self, notice: Notice) -> None:
        if self._tells(notice):
            for line in self._lines:
                line.put(notice)
                line.start()

    def pending(self) -> int:
        return sum(line.pending() for line in self._lines)

    def flush(self, seconds: float) -> bool:
        for line in self._lines:
            line.hurry(True)
        try:
            senders = [line.sender for line in self._lines if line.sender]
            gevent.joinall(senders, timeout=seconds)
        finally:
            for line in self._lines:
                line.hurry(False)
        return not self.pending()

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def last_words(self, notices: Iterable[Notice], seconds: float) -> None:
        told = [notice for notice in notices if self._tells(notice)]
        for line in self._lines:
            for notice in told:
                line.put(notice)
        # Greenlets of this thread: its hub is not the one that is held.
        gevent.joinall([gevent.spawn(line.empty_once) for line in self._lines], timeout=seconds)

    def _tells(self, notice: Notice) -> bool:
        return notice.gave_up or not self._only_last


class _Line:
    """One channel, what waits for it, and its sender."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self.sender: gevent.Greenlet[[], None] | None = None
        # Asked once, and now: what is wrong with it is not to be met when a try has failed.
        name, send = getattr(channel, 'name', None), getattr(channel, 'send', None)
        if not isinstance(name, str) or not callable(send):
            raise ConfigError(
                f'a channel has a `name`, a str, and `send(text)`; {channel!r} has not'
            )
        self._name, self._send = name, send
        self._clock = clock
        self._queue: deque[Notice] = deque()
        self._digest: _Digest | None = None
        self._sending = False
        self._hurrying = False
        self._window_end = float('-inf')
        self._in_window = 0
        self._hurried: Event | None = None
        self._server = ''

    def pending(self) -> int:
        return len(self._queue) + (self._digest is not None) + self._sending

    def put(self, notice: Notice) -> None:
        """Queue `notice`, or count it where this minute has had its messages."""
        now = self._clock.monotonic()
        if now >= self._window_end:
            self._window_end, self._in_window = now + WINDOW, 0
        self._in_window += 1
        if self._in_window <= PER_WINDOW and len(self._queue) < BACKLOG:
            self._queue.append(notice)
            return
        if self._digest is None:
            self._digest = _Digest(self._clock.now(), due=self._window_end)
        self._digest.count(notice)

    def start(self) -> None:
        """See that there is a sender."""
        if self.sender is None or self.sender.dead:
            # Made here, so that they belong to the hub that runs the jobs.
            self._server = local.get_server()
            self._hurried = Event()
            self.sender = gevent.spawn(self._run)

    def hurry(self, hurrying: bool) -> None:
        """Whether the digest is sent before its time."""
        self._hurrying = hurrying
        if self._hurried:
            self._hurried.set()

    def close(self) -> None:
        dropped = self.pending()
        self._queue.clear()
        self._digest = None
        sender, self.sender = self.sender, None
        if sender:
            sender.kill(timeout=CLOSING)
        self._sending = False
        if dropped:
            logger.warning('%s: closed with %d messages unsent', self._name, dropped)

    def empty_once(self) -> None:
        """Send all that waits, with one attempt each."""
        self._hurrying = True
        while text := self._take():
            try:
                self._send(text)
            except Exception as error:
                self._log(error, 'a message is dropped as the process leaves')

    def _run(self) -> None:
        local.set_server(self._server)
        me = gevent.getcurrent()
        while self.sender is me:
            if text := self._take():
                self._sending = True
                self._deliver(text)
                self._sending = False
            elif self._digest:
                self._await_digest()
            else:
                self.sender = None

    def _take(self) -> str | None:
        """The text that is due next."""
        hurried = self._hurrying and not self._queue
        if self._digest and (hurried or self._until_digest() <= 0):
            digest, self._digest = self._digest, None
            return digest.text
        return self._queue.popleft().text if self._queue else None

    def _until_digest(self) -> float:
        # A rest too short for a timer counts as none.
        assert self._digest
        seconds = self._digest.due - self._clock.monotonic()
        return seconds if seconds > 0.001 else 0.0

    def _await_digest(self) -> None:
        assert self._hurried
        self._hurried.clear()
        self._hurried.wait(self._until_digest())

    def _deliver(self, text: str) -> None:
        failure = self._attempt(text)
        for pause in PAUSES:
            if failure is None:
                return
            gevent.sleep(pause)
            failure = self._attempt(text)
        if failure is not None:
            self._log(failure, f'a message is dropped after {len(PAUSES) + 1} attempts')

    def _attempt(self, text: str) -> BaseException | None:
        """What went wrong, if anything: a channel may raise whatever it likes."""
        limit = gevent.Timeout(TIME_LIMIT)
        try:
            with limit:
                self._send(text)
        except gevent.GreenletExit:
            raise
        except BaseException as error:
            return error
        return None

    def _log(self, error: BaseException, consequence: str) -> None:
        reason = f'{type(error).__name__}: {clean(str(error))}'
        logger.error('%s: %s: %s', self._name, consequence, mask_text(reason))


class _Digest:
    """Counts of the failed tries that were not told one by one."""

    def __init__(self, since: datetime, due: float) -> None:
        self.due = due
        """When it is to be sent, by the monotonic clock."""
        self._since = since
        self._actions: Counter[str] = Counter()
        self._gave_up = 0
        self._ids: list[str] = []

    def count(self, notice: Notice) -> None:
        self._actions[notice.action] += 1
        self._gave_up += notice.gave_up
        if len(self._ids) < SHOWN and notice.job_id not in self._ids:
            self._ids.append(notice.job_id)

    @property
    def text(self) -> str:
        common = self._actions.most_common(SHOWN)
        shown = [f'{clean(action)} {count}' for action, count in common]
        if len(self._actions) > SHOWN:
            shown.append('others')
        return (
            f'{self._actions.total()} more failed tries since {self._since:%F %T} UTC: '
            f'{", ".join(shown)}; {self._gave_up} gave up; first {", ".join(self._ids)}'
        )


def channels_from(conf: Config) -> list[Channel]:
    """The channels whose settings are all there."""
    channels: list[Channel] = []
    for kind in (Slack, Sms):
        settings = kind.settings(conf)
        present = [value for value in settings.values() if value]
        if len(present) == len(settings):
            channels.append(kind(*present))
        elif present:
            missing = ', '.join(name for name, value in settings.items() if not value)
            logger.warning('%s is off: %s missing', kind.name, missing)
    return channels
