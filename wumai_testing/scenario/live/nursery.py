"""A process in which all is imported already, and which forks the processes of scenarios.

It reads a Spec a line and answers in lines: that a process was made, and that one ended. At the
end of its input, so also when the runner dies, it takes all of its processes with it.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import gevent.os

# What the processes will need: imported once, for all of them.
import pymysql
import requests
from gevent import monkey

from wumai_testing.scenario.live import process

_PRELOADED = (pymysql, requests)
_poll: Any = monkey.get_original('select', 'poll')
_waitpid: Any = monkey.get_original('os', 'waitpid')
_signal: Any = monkey.get_original('signal', 'signal')


def main() -> None:
    """Serve until the input ends."""
    pipe = os.pipe()
    os.set_blocking(pipe[1], False)
    _signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(pipe[1], warn_on_full_buffer=False)
    children: set[int] = set()
    try:
        for message in _messages(pipe[0], children):
            children.add(_make(message, pipe))
    finally:
        _end(children)


def _messages(signals: int, children: set[int]) -> Iterator[dict[str, Any]]:
    """What is asked; in between, what has ended is told."""
    poller = _poll()
    for file in (0, signals):
        poller.register(file)
    rest = b''
    while True:
        ready = {file for file, _ in poller.poll()}
        if signals in ready:
            os.read(signals, 4096)
            _reap(children)
        if 0 in ready:
            if not (got := os.read(0, 65536)):
                return
            *lines, rest = (rest + got).split(b'\n')
            yield from map(json.loads, lines)


def _end(children: set[int]) -> None:
    for pid in children:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for pid in children:
        with suppress(ChildProcessError):
            _waitpid(pid, 0)


def _reap(children: set[int]) -> None:
    for pid in list(children):
        ended, status = _waitpid(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            _tell({'ended': pid, 'code': os.waitstatus_to_exitcode(status)})


def _make(message: dict[str, Any], pipe: tuple[int, int]) -> int:
    spec = process.Spec(**message['spec'])
    # Not os.fork, which would have gevent's loop watch the child.
    pid = int(gevent.os.fork_gevent())
    if pid == 0:
        _become(spec, pipe)
    with suppress(PermissionError, ProcessLookupError):  # it has done so itself, or is gone
        os.setpgid(pid, pid)
    _tell({'number': message['number'], 'made': pid})
    return pid


def _become(spec: process.Spec, pipe: tuple[int, int]) -> None:
    """In the child: be what `spec` says, and end."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        _signal(signal.SIGCHLD, signal.SIG_DFL)
        for file in pipe:
            os.close(file)
        _redirect(spec)
        process.run(spec)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _redirect(spec: process.Spec) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(spec.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(null)
    os.close(output)


def _tell(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b'\n')
