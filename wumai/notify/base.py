"""What a channel is, what it is told, and the seam through which the worker tells it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wumai.common.secrets import mask_text

ERROR_LENGTH = 300
"""Characters of an error that are told."""


class Channel(Protocol):
    """A way to tell people. An app may add its own."""

    @property
    def name(self) -> str:
        """What logs call it."""

    def send(self, text: str) -> None:
        """Deliver `text`, or raise. It is given 15 s, and is tried three times."""


@dataclass(frozen=True)
class Notice:
    """A failed try whose outcome is stored."""

    action: str
    job_id: str
    trys: int
    try_max: int
    error: str
    next_try: datetime | None
    """Naive UTC; None when the job gave up."""

    @property
    def gave_up(self) -> bool:
        return self.next_try is None

    @property
    def text(self) -> str:
        """One line, without secrets."""
        after = 'gave up' if self.next_try is None else f'next try {self.next_try:%F %T} UTC'
        return (
            f'{clean(self.action)} {clean(self.job_id)} try {self.trys} of {self.try_max}'
            f' failed: {clean(self.error)}; {after}'
        )


def clean(text: str) -> str:
    """The first line of `text` without secrets, not too long, with nothing unprintable in it."""
    first = next(iter(text.strip().splitlines()), '')
    masked = mask_text(first)
    shown = masked if len(masked) <= ERROR_LENGTH else masked[: ERROR_LENGTH - 1] + '…'
    return ''.join(character if character.isprintable() else ' ' for character in shown)


class Notifier(Protocol):
    """The seam: whoever is told of failed tries."""

    def add(self, channel: Channel) -> None:
        """Tell `channel` too, from now on."""

    def failed(self, notice: Notice) -> None:
        """Have `notice` sent to each channel; returns at once and never raises."""

    def pending(self) -> int:
        """How many messages are on their way."""

    def flush(self, seconds: float) -> bool:
        """Send what waits, digests too, for at most `seconds`; true if all is gone."""

    def close(self) -> None:
        """Stop sending; what is still on its way is dropped."""

    def last_words(self, notices: Iterable[Notice], seconds: float) -> None:
        """Send `notices` and what waits from the running thread, for at most `seconds`.

        For a process that is about to leave because a handler holds the hub of the others.
        """
