"""A World of real processes in real time."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wumai.entropy import RandomEntropy
from wumai_testing.client import Reply
from wumai_testing.jobs import not_ended, tries_of
from wumai_testing.scenario.live.channels import Channels
from wumai_testing.scenario.live.children import Nursery, child_environ
from wumai_testing.scenario.live.database import Outages
from wumai_testing.scenario.live.events import EventFile, EventLog
from wumai_testing.scenario.live.fitness import Unfit
from wumai_testing.scenario.live.processes import BOOT_SECONDS, Processes
from wumai_testing.scenario.live.rows import Rows
from wumai_testing.scenario.model import (
    Call,
    ChannelFault,
    DatabaseFault,
    JobStep,
    Post,
    Scenario,
    Start,
)
from wumai_testing.scenario.world import new_row
from wumai_testing.timeline import Timeline

SLACKNESS = 2.0
"""Seconds beyond poll_interval that a try may begin late: one since due times are whole seconds,
and one for processes that share a machine.
"""
_PATIENCE = 60.0
"""Seconds until a `run: idle` without `within` is over in any case."""
_HTTP_SECONDS = 60.0
_MOMENT = 0.05
_QUIET = 0.3
"""Seconds without an event that make an end."""


class Interrupted(Exception):
    """The run is to end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scenario runs."""

    nursery: Nursery
    folder: Path
    """Of its own; its events and its logs are in it."""
    url: str
    """Of an empty database with wumai's tables."""
    outages: Outages | None
    """None where the server is not ours to stop."""
    stop: threading.Event
    """Set when the run is interrupted."""


class LiveWorld:
    """Made by `live_world`. Its workers start when time passes first, as in a simulation."""

    def __init__(
        self,
        scenario: Scenario,
        place: Place,
        processes: Processes,
        rows: Rows,
        channels: Channels,
        events: EventFile,
        log: EventLog,
    ) -> None:
        options = scenario.worker
        self._first = [f'w{number}' for number in range(1, scenario.workers + 1)]
        self._poll_interval = options.get('poll_interval', 2)
        self._grace = options.get('grace', 25)
        self._outages = place.outages
        self._stop = place.stop
        self._processes = processes
        self._rows = rows
        self._channels = channels
        self._events = events
        self._log = log
        self._entropy = RandomEntropy()
        self._mending = 0.0
        later = [step.worker for step in scenario.steps if isinstance(step, Start)]
        asks = any(isinstance(step, Call | Post) for step in scenario.steps)
        processes.prepare([*self._first, *later], with_api=asks)
        self._start, self._began = rows.clock.now(), time.monotonic_ns()

    # Time

    @property
    def lateness(self) -> float:
        """Beside what is promised, the time that processes and the server took to start."""
        return self._poll_interval + SLACKNESS + self._processes.starting + self._mending

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return (time.monotonic_ns() - self._began) / 1e9

    def settle(self, check: Callable[[], list[str]]) -> list[str]:
        """What `check` finds wrong; what is only late is given its time."""
        until = self.elapsed() + self._poll_interval + SLACKNESS
        while (problems := check()) and self.elapsed() < until:
            self._pause(_MOMENT)
        return problems

    def advance(self, seconds: float) -> None:
        self._begin()
        until = self.elapsed() + seconds
        while (left := until - self.elapsed()) > 0:
            self._pause(min(left, _MOMENT))
        self._await_mended()

    def run_until_idle(self, within: float | None) -> None:
        self._begin()
        patience = _PATIENCE if within is None else within
        until = self.elapsed() + patience + self.lateness
        while not self._is_idle():
            if self.elapsed() > until:
                raise AssertionError(f'not idle after {patience:g} s: {self._unfinished()}')
            if not self._processes.workers:
                raise AssertionError(f'no worker is left: {self._unfinished()}')
            self._pause(_MOMENT)

    def _begin(self) -> None:
        """Start the workers that run from the start."""
        first, self._first = self._first, []
        for name in first:
            self._processes.start_worker(name)
        if first:
            self._processes.await_workers()

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Interrupted('the run was interrupted')
        self._processes.look_after()

    def _is_idle(self) -> bool:
        if self._is_mending() or self._processes.sending() or self._open_jobs():
            return False
        events = self._log.events()
        return not events or time.monotonic_ns() - events[-1].at > _QUIET * 1e9

    def _open_jobs(self) -> list[str]:
        try:
            return self._rows.open_jobs()
        except Exception as error:  # the server may go at any moment
            return [f'the database does not answer: {error}']

    def _unfinished(self) -> str:
        if jobs := self._open_jobs():
            return not_ended(jobs)
        return 'messages are on their way'

    # Workers

    def start(self, worker: str) -> None:
        self._begin()
        self._processes.start_worker(worker)

    def stop(self, worker: str) -> None:
        self._begin()
        self._processes.stop(worker, self._grace)

    def crash(self, worker: str) -> None:
        self._begin()
        self._processes.crash(worker)

    def stall(self, worker: str, seconds: float) -> None:
        self._begin()
        self._processes.stall(worker, seconds)

    # Faults

    def fail_database(self, fault: DatabaseFault) -> None:
        if self._outages is None or fault.kind not in ('down', 'hang'):
            raise Unfit(f'`database: {fault.kind}` is for simulations')
        seconds = fault.seconds or 0
        words = 'database is down' if fault.kind == 'down' else 'database hangs'
        self._events.add('fault', fault=words, seconds=seconds)
        if fault.kind == 'down':
            self._outages.down(seconds)
        else:
            self._outages.hang(seconds)

    def fail_channel(self, fault: ChannelFault) -> None:
        raise Unfit(f'`{fault.channel}: {fault.kind}` is for simulations')

    def _is_mending(self) -> bool:
        """Whether the server does not answer for now."""
        return self._outages is not None and self._outages.lasting

    def _await_mended(self) -> None:
        """If the time of an outage is over, until the server has started."""
        if self._outages is None or self._outages.left > 0:
            return
        began = self.elapsed()
        self._outages.await_end(BOOT_SECONDS)
        self._mending += self.elapsed() - began

    # The api, the rows and the messages

    def send(self, body: bytes, headers: Mapping[str, str], *, method: str, path: str) -> Reply:
        given = {name.lower() for name in headers}
        connection = http.client.HTTPConnection(
            '127.0.0.1', self._processes.port, timeout=_HTTP_SECONDS
        )
        with closing(connection):
            connection.putrequest(
                method, path, skip_host='host' in given, skip_accept_encoding=True
            )
            if 'content-length' not in given:
                connection.putheader('Content-Length', str(len(body)))
            for name, value in headers.items():
                connection.putheader(name, str(value).encode())
            connection.endheaders(body)
            answer = connection.getresponse()
            log_lines = self._processes.log_lines
            return Reply(body, answer.status, dict(answer.getheaders()), answer.read(), log_lines)

    def create_job(self, step: JobStep, names: Mapping[str, Any]) -> str:
        row = new_row(self._rows.clock.now(), self._entropy, step, names)
        self._readable().insert(row)
        return row.id

    def cancel(self, job_id: str) -> bool:
        return self._readable().cancel(job_id)

    def retry(self, job_id: str) -> bool:
        return self._readable().retry(job_id)

    def job(self, job_id: str) -> Any:
        return self._readable().job(job_id)

    def operations(self) -> list[dict[str, Any]]:
        return self._readable().operations()

    def running(self) -> int:
        return self._readable().running()

    def _readable(self) -> Rows:
        self._await_mended()
        if self._is_mending():
            raise Unfit('it uses the database while that is down, as only a simulation can')
        return self._rows

    def runs(self, job_id: str) -> list[float]:
        return [one.began for one in tries_of(self.timeline(), job_id)]

    def messages(self, channel: str) -> list[str]:
        return list(self._channels.texts[channel])

    # What happened

    def timeline(self) -> Timeline:
        """The events of all processes up to now."""
        return self._log.timeline(self._began, self._start)

    def history(self) -> str:
        return '\n'.join([self.timeline().text(last=80), *self._processes.tails()])


@contextmanager
def live_world(scenario: Scenario, place: Place) -> Iterator[LiveWorld]:
    """The world of `scenario`; its processes are gone at the end."""
    assert scenario.path
    path = scenario.path.absolute()
    with ExitStack() as stack:
        events = stack.enter_context(closing(EventFile(place.folder / 'events.jsonl')))
        log = EventLog(events.path)
        channels = stack.enter_context(closing(Channels(events)))
        environ = child_environ(channels.environ(scenario.env)) | {'DB_URL': place.url}
        rows = stack.enter_context(closing(Rows(place.url, events)))
        processes = stack.enter_context(
            closing(Processes(place.nursery, path, place.folder, environ, events, log))
        )
        yield LiveWorld(scenario, place, processes, rows, channels, events, log)
