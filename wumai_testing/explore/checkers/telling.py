"""Messages against the history that was committed."""

import math
import re

from wumai.notify.base import clean
from wumai.notify.fanout import PER_WINDOW, WINDOW
from wumai_testing.explore.checkers.base import CHANNELS, Checker
from wumai_testing.explore.checkers.ends import WATCHDOG
from wumai_testing.explore.ledger import Failure
from wumai_testing.explore.options import OF_THE_DATABASE
from wumai_testing.simulation import SimulatedWorker
from wumai_testing.timeline import Event

_MESSAGE = re.compile(
    r'(?P<action>\S+) (?P<job>\S+) try (?P<n>\d+) of (?P<m>\d+) failed: (?P<error>.*); '
    r'(?P<after>next try .*|gave up)$',
    re.DOTALL,
)
_DIGEST = re.compile(r'(\d+) more failed tries since')
LINGERS = 60.0
"""Seconds after a fault of a channel in which it may hold messages up, or lose them."""
DELIVERY = 15.0
"""Seconds that a message takes at most, behind others, where nothing is wrong."""
ASKS_AGAIN = 3.0
"""Seconds after the end of a trouble in which a worker asks about a commit in doubt."""
_DOUBTS = OF_THE_DATABASE | {'lost_after_commit', 'connection mute', 'stall'}
LAST_WORDS = 2.0
"""Seconds before a watchdog's end in which a message may be on its way, and is lost."""


class Messages(Checker):
    """Every failed try sends one message to each channel, after its commit; nothing else does."""

    invariant = '9: one message to each channel for each failed try'

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.digests: dict[str, int] = {}
        self._exits: dict[str, tuple[float, int | None]] = {}

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
            and clean(one.error) == found['error']
        ]
        if not same:
            self.fail(f'{channel} is told what is not committed: {text:.150}', job)
            return
        untold = [one for one in same if channel not in one.told]
        if not untold and not self._is_told_by_two(same[-1]):
            self.fail(f'{channel} is told twice: {text:.150}', job)
        if int(found['m']) != same[0].m:
            self.fail(f'{channel} is told a wrong number of tries: {text:.150}', job)
        if untold:
            due = next((one for one in untold if self._could_be_told(one, channel)), untold[0])
            due.told[channel] = 1

    def _is_told_by_two(self, failure: Failure) -> bool:
        """Whether two may have taken the commit for theirs; a watchdog, too, writes what is on its
        way, and tells it.
        """
        return self._rescued_twice_at_once(failure) or (
            self._is_doubtful(failure, failure.at - ASKS_AGAIN) and self.leaves(failure.process)
        )

    def _rescued_twice_at_once(self, failure: Failure) -> bool:
        """Whether another worker, its commit in doubt, cannot tell this rescue from its own."""
        others = {process for process in self.world.started if process != failure.process}
        return failure.rescued and self.troubled(failure.at - 5, self.now, *others)

    def exited(self, one: SimulatedWorker, code: int | None) -> None:
        self._exits[one.process] = self.now, code

    def over(self) -> None:
        for channel in CHANNELS:
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
        return not (
            self._is_cut_off(failure)
            or self._is_overtaken(failure)
            or self._is_ill(channel, failure)
        )

    def _is_cut_off(self, failure: Failure) -> bool:
        """Whether the process has ended before it could tell; a graceful stop gives it time."""
        ended, code = self._exits.get(failure.process, (math.inf, 0))
        if code == 0 or ended == math.inf:
            return False
        told_by = failure.at + (LAST_WORDS if code == WATCHDOG else DELIVERY)
        return ended < told_by or self.troubled(told_by, ended, failure.process)

    def _is_overtaken(self, failure: Failure) -> bool:
        """Whether its commit was in doubt, and the row had changed before anyone could ask what has
        become of it; a claim leaves what it shows.
        """
        moves = [one for one in self.ledger.moves if one.job == failure.job and one.at > failure.at]
        changed = [one.at for one in moves if one.kind not in ('claim', 'renew')]
        overtaken = min(changed, default=math.inf)
        return self._is_doubtful(failure, overtaken - ASKS_AGAIN)

    def _is_doubtful(self, failure: Failure, until: float) -> bool:
        """Whether its commit may have been in doubt until then."""
        return any(
            trouble.kind in _DOUBTS
            and trouble.target in (None, failure.process.partition('#')[0])
            and trouble.begins <= failure.at + self.slack()
            and trouble.ends >= until
            for trouble in self.troubles.past
        )

    def _is_ill(self, channel: str, failure: Failure) -> bool:
        sent_by = failure.at + DELIVERY + (WINDOW if self._is_folded(failure) else 0.0)
        return any(
            trouble.kind.startswith(channel)
            and trouble.ends >= failure.at - LINGERS
            and trouble.begins <= sent_by
            for trouble in self.troubles.past
        )

    def _is_folded(self, failure: Failure) -> bool:
        """Whether it may wait for the end of a minute with too many to be told one by one."""
        before = [
            one
            for one in self.ledger.failures
            if one.process == failure.process and 0 <= failure.at - one.at <= WINDOW
        ]
        return len(before) > PER_WINDOW
