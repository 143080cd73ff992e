"""All bugs of the zoo."""

from tests.zoo import (  # noqa: F401 - each registers its bugs
    clocks,
    controls,
    database,
    double,
    fence,
    flow,
    lost,
    shutdown,
    telling,
    timeouts,
    tries,
)
from tests.zoo.base import BUGS, CONTROL, Bug

CANARY = BUGS['canary']
NULL = BUGS['null']
ANIMALS: dict[str, Bug] = {name: one for name, one in BUGS.items() if one.kind != CONTROL}
"""Those that count."""
