"""Messages against the history that was committed."""

import re

from wumai_testing.explore.checkers.base import Checker
from wumai_testing.explore.ledger import Failure
from wumai_testing.timeline import Event

_MESSAGE = re.compile(
    r'(?P<action>\S+) (?P<job>\S+) try (?P<n>\d+) of (?P<m>\d+) failed: .*; '
    r'(?P<after>next try .*|gave up)$',
    re.DOTALL,
)
_DIGEST = re.compile(r'(\d+) more failed tries since')
LINGERS = 120.0
"""Seconds for which a fault of a channel may hold messages up, or lose them."""


class Messages(Checker):
    """Every failed try sends one message to each channel, after its commit; nothing else does."""

    invariant = '9: one message to each channel for each failed try'

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.digests: dict[str, int] = {}
        self._quiet_from: dict[str, float] = {}

    def happened(self, event: Event) -> None:
        if event.kind != 'notify':
            return
        channel, text = event.detail['channel'], event.detail['text']
        if found := _DIGEST.match(text):
            self.digests[channel] = self.digests.get(channel, 0) + int(found[1])
        elif found := _MESSAGE.match(text):
            self._match(channel, text, found)
        else:
            self.fail(f'{channel} is told something odd: {text!r:.100}')

    def _match(self, channel: str, text: str, found: re.Match[str]) -> None:
        job, n, gave_up = found['job'], int(found['n']), found['after'] == 'gave up'
        same = [
            one
            for one in self.ledger.failures
            if (one.job, one.n, one.gave_up) == (job, n, gave_up)
        ]
        if not same:
            self.fail(f'{channel} is told what is not committed: {text:.150}', job)
            return
        untold = [one for one in same if channel not in one.told]
        if not untold and not self._rescued_twice_at_once(same[-1]):
            self.fail(f'{channel} is told twice: {text:.150}', job)
        if int(found['m']) != same[0].m:
            self.fail(f'{channel} is told a wrong number of tries: {text:.150}', job)
        if untold:
            untold[0].told[channel] = 1

    def _rescued_twice_at_once(self, failure: Failure) -> bool:
        """Whether another worker, its commit in doubt, cannot tell this rescue from its own."""
        others = {process for process in self.world.started if process != failure.process}
        return failure.rescued and self.troubled(failure.at - 5, self.now, *others)

    def over(self) -> None:
        for channel in ('slack', 'sms'):
            missing = [
                one
                for one in self.ledger.failures
                if channel not in one.told and self._could_be_told(one, channel)
            ]
            if len(missing) > self.digests.get(channel, 0):
                one = missing[0]
                self.fail(
                    f'{channel} is never told of try {one.n} of {self.name(one.job)}', one.job
                )

    def _could_be_told(self, failure: Failure, channel: str) -> bool:
        died = self.world.ended.get(failure.process)
        if died is not None and died < failure.at + LINGERS:
            return False
        return not any(
            trouble.kind.startswith(channel) and trouble.ends >= failure.at - LINGERS
            for trouble in self.troubles.past
        )
