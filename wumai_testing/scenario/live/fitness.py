"""Why a scenario cannot run in real time, if it cannot."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from wumai_testing.scenario.model import (
    Call,
    Cancel,
    ChannelFault,
    DatabaseFault,
    Expect,
    JobStep,
    Post,
    Retry,
    Scenario,
    Step,
)

_START = datetime(2026, 1, 1)
_DATE = re.compile(r'\d{4}-\d\d-\d\d')


class Unfit(Exception):
    """The scenario turns out to ask for what only a simulation has; the text says what."""


def reason_against(scenario: Scenario, has_server: bool) -> str | None:
    """What it asks for that only a simulation has; `has_server`: there is one to stop."""
    if scenario.start != _START:
        return f'it begins at {scenario.start}, and real time is now'
    for step in scenario.steps:
        if reason := _against(step, has_server):
            return f'line {step.line}: {reason}'
    return None


def takes_no_time(scenario: Scenario) -> bool:
    """Whether it is seen at once that no time passes in it."""
    timeless = Call | Post | JobStep | Cancel | Retry | Expect
    return all(isinstance(step, timeless) for step in scenario.steps)


def _against(step: Step, has_server: bool) -> str | None:
    match step:
        case DatabaseFault(kind='down' | 'hang') as fault if not has_server:
            return f'`database: {fault.kind}` wants a server that is ours to stop'
        case DatabaseFault(kind='down' | 'hang'):
            return None
        case DatabaseFault() as fault:
            return f'`{fault.kind}` can only be made to happen in a simulation'
        case ChannelFault() as fault:
            return f'`{fault.channel}: {fault.kind}` can only be made to happen in a simulation'
        case Call(request=asked) if dates := list(_dates(asked)):
            return f'it asks for {dates[0]}, and real time is now'
        case JobStep(columns=asked) if dates := list(_dates(asked)):
            return f'it asks for {dates[0]}, and real time is now'
        case Expect(jobs=jobs) if dates := list(_dates(jobs)):
            return f'it expects {dates[0]}, and real time is now'
    return None


def _dates(value: Any) -> Iterator[str]:
    """The dates that a value, or a matcher, speaks of."""
    match value:
        case datetime():
            if value > _START:  # what is past there is past now
                yield str(value)
        case str():
            yield from _DATE.findall(value)
        case _:
            for item in _parts(value):
                yield from _dates(item)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    return [getattr(value, one.name) for one in fields(value)] if is_dataclass(value) else ()
