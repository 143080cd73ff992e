"""Runs the steps of a scenario in a world."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from wumai_testing.client import Reply
from wumai_testing.duration import format_duration
from wumai_testing.jobs import starts_match
from wumai_testing.scenario.matching import Matcher, Mismatch
from wumai_testing.scenario.model import (
    Advance,
    Call,
    Cancel,
    ChannelFault,
    Crash,
    DatabaseFault,
    Expect,
    JobStep,
    Post,
    Retry,
    Run,
    Scenario,
    Stall,
    Start,
    Step,
    Stop,
)
from wumai_testing.scenario.values import ABSENT, lookup, resolve
from wumai_testing.scenario.world import World

ENDING = ('status', 'trys', 'result', 'error')
"""The columns that say how a job ended."""
_SWITCHES = {'slack': ('SLACK_WEBHOOK_URL',), 'sms': ('NOTIFY_SMS_URL', 'NOTIFY_SMS_UR')}
"""What switches each channel on."""


class ScenarioFailure(AssertionError):
    """A step that did not go as the scenario says; the message has the step and the history."""


_ACTIONS: Mapping[type, Callable[[World, Any], None]] = {
    Advance: lambda world, step: world.advance(step.seconds),
    Run: lambda world, step: world.run_until_idle(step.within),
    Crash: lambda world, step: world.crash(step.worker),
    Stall: lambda world, step: world.stall(step.worker, step.seconds),
    Stop: lambda world, step: world.stop(step.worker),
    Start: lambda world, step: world.start(step.worker),
    DatabaseFault: lambda world, step: world.fail_database(step),
    ChannelFault: lambda world, step: world.fail_channel(step),
}


class Runner:
    """One run of one scenario."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self._scenario = scenario
        self._world = world
        self._names: dict[str, Any] = {}
        """Ids of jobs by their alias, and what steps saved."""

    def run(self) -> None:
        """All steps in order. Raises ScenarioFailure at the first that fails."""
        for step in self._scenario.steps:
            try:
                problems = self._take(step)
            except AssertionError as error:
                raise self._failure(step, [str(error)]) from None
            except Exception as error:
                raise self._failure(step, [f'{type(error).__name__}: {error}']) from error
            if problems:
                raise self._failure(step, problems)

    def _take(self, step: Step) -> list[str]:
        """Do a step; what it found wrong."""
        match step:
            case Call() | Post():
                return self._request(step)
            case Expect():
                return self._world.settle(lambda: self._expect(step))
            case JobStep():
                job_id = self._world.create_job(step, self._names)
                if step.alias:
                    self._names[step.alias] = job_id
            case Cancel():
                return self._move(step.job, self._world.cancel, 'it has ended')
            case Retry():
                return self._move(step.job, self._world.retry, 'it is not in error')
            case _:
                _ACTIONS[type(step)](self._world, step)
        return []

    def _move(self, name: str, move: Callable[[str], bool], otherwise: str) -> list[str]:
        job_id = self._names[name]
        return [] if move(job_id) else [f'{name}: {otherwise}, or is not there']

    def _request(self, step: Call | Post) -> list[str]:
        reply = self._call(step) if isinstance(step, Call) else self._post(step)
        view = _view(reply)
        problems = [] if step.expect is None else self._compare(step.expect, view, 'the answer')
        for name, path in step.save.items():
            self._names[name] = lookup(view, path)
            if self._names[name] is ABSENT:
                problems.append(f'there is no {".".join(path)} to save as {name}')
        return [*problems, reply.describe()] if problems else []

    def _call(self, step: Call) -> Reply:
        body = json.dumps(resolve(dict(step.request), self._names)).encode()
        headers = {'Content-Type': 'application/json'}
        return self._world.send(body, headers, method='POST', path='/')

    def _post(self, step: Post) -> Reply:
        headers = resolve(dict(step.headers), self._names)
        return self._world.send(step.body, headers, method=step.method, path=step.path)

    def _expect(self, step: Expect) -> list[str]:
        world = self._world
        problems: list[str] = []
        for name, matcher in step.jobs.items():
            problems += self._compare(matcher, world.job(self._names[name]), f'job {name}')
        for name, starts in step.runs.items():
            problems += self._compare_runs(name, starts)
        for channel in ('slack', 'sms'):
            matcher = getattr(step, channel)
            if matcher is not None:
                problems += self._compare_messages(matcher, channel)
        if step.operations is not None:
            problems += self._compare(step.operations, world.operations(), 'operations')
        if step.running is not None:
            problems += self._compare(step.running, world.running(), 'running')
        return problems

    def _compare(self, matcher: Matcher, found: Any, what: str) -> list[str]:
        mismatches = matcher.bind(self._names).match(found)
        return [_told(what, mismatch) for mismatch in mismatches]

    def _compare_messages(self, matcher: Matcher, channel: str) -> list[str]:
        problems = self._compare(matcher, self._world.messages(channel), channel)
        names = _SWITCHES[channel]
        if problems and not any(self._scenario.env.get(name) for name in names):
            problems.append(f'{channel} is off: `env` does not set {names[0]}')
        return problems

    def _compare_runs(self, name: str, wanted: tuple[float, ...]) -> list[str]:
        found = self._world.runs(self._names[name])
        if starts_match(found, wanted, self._world.lateness):
            return []
        shown = [', '.join(map(format_duration, starts)) or 'none' for starts in (wanted, found)]
        return [f'runs of {name}: wanted [{shown[0]}], found [{shown[1]}]']

    def endings(self) -> dict[str, dict[str, Any]]:
        """How each job that has a name stands: what is the same wherever the scenario runs."""
        rows = {name: self._world.job(one) for name, one in self._names.items() if _is_id(one)}
        return {
            name: {column: row[column] for column in ENDING}
            for name, row in rows.items()
            if row is not ABSENT
        }

    def _failure(self, step: Step, problems: list[str]) -> ScenarioFailure:
        where = f'{self._scenario.path or self._scenario.name}:{step.line}'
        lines = '\n'.join(f'  {line}' for problem in problems for line in problem.splitlines())
        text = f'{where}: step `{self._shown(step)}`\n{lines}\n{self._world.history()}'
        return ScenarioFailure(text)

    def _shown(self, step: Step) -> str:
        """A step as the file begins to write it."""
        if self._scenario.path is None:
            return _lead(step)
        with suppress(OSError, IndexError):
            lines = self._scenario.path.read_text(errors='replace').splitlines()
            return lines[step.line - 1].strip().removeprefix('-').strip()
        return _lead(step)


def _lead(step: Step) -> str:
    """The key that makes it this step."""
    match step:
        case ChannelFault(channel=channel):
            return channel
        case DatabaseFault():
            return 'database'
        case _:
            return type(step).__name__.removesuffix('Step').lower()


def _is_id(value: Any) -> bool:
    return isinstance(value, str)


def _told(what: str, mismatch: Mismatch) -> str:
    # A path of an item ([0]) follows its list without a dot.
    joint = '' if not mismatch.path or mismatch.path.startswith('[') else '.'
    where = f'{what}{joint}{mismatch.path}'
    return f'{where}: {Mismatch("", mismatch.wanted, mismatch.found)}'


def _view(reply: Reply) -> Mapping[str, Any]:
    """An answer as expectations see it."""
    try:
        body = json.loads(reply.bytes)
    except ValueError:
        body = reply.bytes.decode('utf-8', 'replace')
    known = body if isinstance(body, dict) else {}
    message = {'message': known['message']} if 'message' in known else {}
    code = {'retCode': known.get('retCode', 0)} if isinstance(body, dict) else {}
    return {'http': reply.http_status, 'body': body, **code, **message}
