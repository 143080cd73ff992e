"""SMS, by an HTTP gateway."""

from dataclasses import dataclass, field
from typing import ClassVar

from wumai.config import Config
from wumai.notify.post import post_json


@dataclass(frozen=True)
class Sms:
    """Posts `{"content": ..., "tos": ...}` with the key and the secret as headers."""

    url: str = field(repr=False)
    key: str = field(repr=False)
    secret: str = field(repr=False)
    mobiles: str
    """The receivers, in the form that the gateway asks for."""
    name: ClassVar[str] = 'sms'

    @classmethod
    def settings(cls, conf: Config) -> dict[str, str | None]:
        """What it needs, by the name of the setting; None for what is missing."""
        names = ('NOTIFY_SMS_KEY', 'NOTIFY_SMS_SECRET', 'NOTIFY_SMS_MOBILES')
        # NOTIFY_SMS_UR is how the first wumai spelt it.
        url = conf.get('NOTIFY_SMS_URL') or conf.get('NOTIFY_SMS_UR')
        return {'NOTIFY_SMS_URL': url, **{name: conf.get(name) for name in names}}

    def send(self, text: str) -> None:
        headers = {'X-Le-Key': self.key, 'X-Le-Secret': self.secret}
        post_json(self.url, {'content': text, 'tos': self.mobiles}, headers)
