"""What `wumai check` found: a level, a subject, and a text that says what to do."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line: `ok`, a `note` of no weight, a `hint` for the better, or a `failure` that would
    stop a server.
    """

    level: Literal['ok', 'note', 'hint', 'failure']
    subject: str
    text: str


def ok(subject: str, text: str) -> Finding:
    return Finding('ok', subject, text)


def note(subject: str, text: str) -> Finding:
    return Finding('note', subject, text)


def hint(subject: str, text: str) -> Finding:
    return Finding('hint', subject, text)


def failure(subject: str, text: str) -> Finding:
    return Finding('failure', subject, text)
