"""Slack, by an incoming webhook."""

from dataclasses import dataclass, field
from typing import ClassVar

from wumai.config import Config
from wumai.notify.post import post_json

_ENTITIES = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;'})


@dataclass(frozen=True)
class Slack:
    """Posts `{"text": ...}` to the webhook."""

    url: str = field(repr=False)
    name: ClassVar[str] = 'slack'

    @classmethod
    def settings(cls, conf: Config) -> dict[str, str | None]:
        """What it needs, by the name of the setting; None for what is missing."""
        return {'SLACK_WEBHOOK_URL': conf.get('SLACK_WEBHOOK_URL')}

    def send(self, text: str) -> None:
        # Without the entities an error text could call `<!channel>`.
        post_json(self.url, {'text': text.translate(_ENTITIES)}, {})
