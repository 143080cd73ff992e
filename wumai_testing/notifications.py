"""Slack and SMS, captured where they leave the process: the production channels run."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, overload

import gevent
import requests
from responses import RequestsMock

from wumai.notify.post import TIMEOUT as PATIENCE
from wumai_testing.duration import parse_duration
from wumai_testing.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its channel sent it."""

    at: datetime
    text: str
    payload: Any
    headers: dict[str, str]

    def __contains__(self, part: str) -> bool:
        return part in self.text


class CapturedChannel:
    """The messages of one channel, in the order in which they arrived; and its faults."""

    def __init__(
        self, name: str, key: str, now: Callable[[], datetime], timeline: Timeline
    ) -> None:
        self.name = name
        self.latency: float | str = 0.0
        """The duration until the service answers."""
        self.status = 200
        """What the service answers with."""
        self._key = key
        self._now = now
        self._timeline = timeline
        self._messages: list[Message] = []
        self._expected: list[re.Pattern[str]] = []
        self._strict = False
        self._down_until = datetime.min
        self._hang_until = datetime.min

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        try:
            return self._messages[index]
        except IndexError:
            raise IndexError(f'there is no message {index}: {self!r}') from None

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages)

    def __repr__(self) -> str:
        return f'<{self.name}: {[message.text for message in self._messages]!r}>'

    def down(self, duration: float | str) -> None:
        """Refuse connections for so long; 0 ends it."""
        self._down_until = self._lasting('is down', duration)

    def hang(self, duration: float | str) -> None:
        """Accept connections and do not answer for so long; 0 ends it."""
        self._hang_until = self._lasting('hangs', duration)

    def _lasting(self, what: str, duration: float | str) -> datetime:
        seconds = parse_duration(duration)
        self._timeline.add('fault', fault=f'{self.name} {what}', seconds=seconds)
        return self._now() + timedelta(seconds=seconds)

    def expect(self, pattern: str) -> None:
        """One message that matches `pattern` is to come; from now on no other may."""
        self._strict = True
        self._expected.append(re.compile(pattern))

    def expect_none(self) -> None:
        """From now on no message may come that was not expected."""
        self._strict = True

    def verify(self) -> None:
        """Raise AssertionError for a message that was not expected, or one that never came."""
        __tracebackhide__ = True
        if not self._strict:
            return
        missing, surplus = list(self._expected), []
        for message in self._messages:
            match = next((one for one in missing if one.search(message.text)), None)
            if match:
                missing.remove(match)
            else:
                surplus.append(message.text)
        problems = [f'{self.name}: no message matches {one.pattern!r}' for one in missing]
        problems += [f'{self.name}: an unexpected message: {text!r}' for text in surplus]
        if problems:
            came = [f'  {message.at}Z {message.text}' for message in self] or ['  none']
            raise AssertionError('\n'.join([*problems, f'the messages of {self.name}:', *came]))

    def answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Called by `responses` in place of the service."""
        if self._now() < self._down_until:
            raise requests.ConnectionError(f'{self.name} is down (simulated)')
        if (hang := (self._hang_until - self._now()).total_seconds()) > 0:
            self._hang(hang)
        if self.latency:
            gevent.sleep(parse_duration(self.latency))
        if self.status >= 400:
            self._timeline.add('fault', fault=f'{self.name} answers {self.status}')
            return self.status, {}, 'simulated'
        payload = json.loads(request.body or b'{}')
        text = str(payload.get(self._key, ''))
        self._messages.append(Message(self._now(), text, payload, dict(request.headers)))
        self._timeline.add('notify', channel=self.name, text=text)
        return self.status, {}, 'ok'

    def _hang(self, seconds: float) -> None:
        gevent.sleep(min(seconds, PATIENCE))
        if seconds > PATIENCE:
            raise requests.ReadTimeout(f'{self.name} does not answer (simulated)')


def capture(http: RequestsMock, channel: CapturedChannel, url: str | None) -> None:
    """Answer for the service at `url`."""
    if url:
        http.add_callback('POST', url, callback=channel.answer)
