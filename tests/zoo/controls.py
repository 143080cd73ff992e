"""The canary, which must always be noticed, and the null mutation, which never may be."""

from typing import Any

from tests.zoo.base import CONTROL, Real, bug


@bug(
    'wumai.worker.executor:Executor._handle',
    kind=CONTROL,
    breaks=(2,),
    issue='-',
    title='the canary',
)
def canary(real: Real, executor: Any, running: Any) -> Any:
    """Each try calls its handler twice."""
    real(executor, running)
    return real(executor, running)


@bug(
    'wumai.store.sql:SqlStore.write',
    kind=CONTROL,
    breaks=(),
    issue='-',
    title='the null mutation',
    also={},
)
def null(real: Real, *args: Any) -> Any:
    """Nothing is changed."""
    return real(*args)
