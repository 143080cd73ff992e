"""The invariants of a job's life, each a checker of its own that is fed what truly happened."""

from wumai_testing.explore.checkers.app import AppInvariants
from wumai_testing.explore.checkers.base import Broken, Checker
from wumai_testing.explore.checkers.clocks import Clocks
from wumai_testing.explore.checkers.ends import Endings, Leaks, Loops, Stops
from wumai_testing.explore.checkers.follow import Interrupts, Losses, Outcomes, Watchdogs
from wumai_testing.explore.checkers.moves import DueTimes, Owners, Results, Retries, Tries
from wumai_testing.explore.checkers.pace import Lateness, Places, Timeouts, Turns, Work
from wumai_testing.explore.checkers.telling import Messages

CHECKERS: list[type[Checker]] = [
    DueTimes, Owners, Tries, Results, Retries, Clocks, Timeouts, Messages, Places, Stops, Loops,
    Outcomes, Losses, Interrupts, Watchdogs, Lateness, Turns, Work, Endings, Leaks, AppInvariants,
]  # fmt: skip

__all__ = ['CHECKERS', 'Broken', 'Checker']
