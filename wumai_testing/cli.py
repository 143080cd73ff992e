"""What wumai_testing adds to the command `wumai`."""

from wumai_testing.explore.command import simulate
from wumai_testing.scenario.command import scenario

__all__ = ['scenario', 'simulate']
