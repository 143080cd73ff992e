"""Time is the database's, whatever a host shows."""

from wumai_testing.explore.checkers.base import ASKED_EACH, Checker
from wumai_testing.explore.ledger import APP, Move

ON_ITS_WAY = 1.0
"""Seconds by which an answer that counts may be old."""
_UNASKED = ('stall', 'database hang', 'database slow', 'database down', 'database flaps')
"""What may keep a worker from an answer in good time, or delay that answer on its way."""


class Clocks(Checker):
    """A worker that writes has asked the database for its time within the last minute."""

    invariant = "time is the database's"

    def moved(self, move: Move) -> None:
        clock = self.world.clocks.get(move.process)
        if move.process == APP or clock is None:
            return
        wrong = abs(clock.error)
        since = self.now - 2 * ASKED_EACH - 10
        allowed = self.clock_error(move.process, self.now) + ON_ITS_WAY
        if wrong > allowed and not self.troubled(since, self.now, move.process, kinds=_UNASKED):
            self.fail(f'{move.process} writes {move.kind}, its time is wrong by {wrong:g} s')
