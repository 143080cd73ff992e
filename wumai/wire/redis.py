"""Wake-ups by Redis: publish and subscribe on one channel. Needs the extra `wumai[redis]`."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wumai.wire.base import ANSWER, SILENCE


class RedisPort:
    """A server, and the channel there that belongs to one database."""

    def __init__(self, host: str, port: int, password: str | None, channel: str) -> None:
        self.name = f'Redis at {host}:{port}'
        self._channel = channel
        self._client: Any = Redis(
            host=host,
            port=port,
            password=password,
            socket_timeout=ANSWER,
            socket_connect_timeout=ANSWER,
            retry=Retry(NoBackoff(), 0),  # the wire tries again, in its own time
        )

    def send(self, sender: str) -> None:
        self._client.publish(self._channel, sender)

    def hear(self) -> Generator[str | None, None, None]:
        with closing(self._client.pubsub(ignore_subscribe_messages=True)) as heard:
            heard.subscribe(self._channel)
            yield None
            while True:
                message = heard.get_message(timeout=SILENCE) or _pong(heard)
                yield message['data'].decode() if message['type'] == 'message' else None


def _pong(heard: Any) -> Any:
    """What a server that was silent answers. Raises TimeoutError if it is gone."""
    heard.ping()
    message = heard.get_message(timeout=ANSWER)
    if message is None:
        raise TimeoutError(f'no answer in {ANSWER:g} s')
    return message
