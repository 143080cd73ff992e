"""What wumai takes beside its work: memory, the time of its import, lines of the log."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import compare
from tests.benchmarks.test_drain import by_workers
from tests.chaos.fleet import Fleet
from wumai import logger

LINES = 5000
LIBRARIES = 'flask, gevent.pywsgi, pymysql, requests, sqlalchemy.orm'
FORMAT = '[%(name)s][%(levelname)s][%(asctime)s][-][root] %(message)s'


def resident(pid: int) -> float:
    """MiB of memory of a process."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) / 1024
    raise AssertionError(f'{pid} has no memory')


def output_of(code: str) -> float:
    """The number that a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, '-c', code], check=True, capture_output=True, text=True, cwd=os.getcwd()
    )
    return float(done.stdout)


def import_time(modules: str) -> float:
    """Milliseconds, in a new interpreter."""
    clock = 'import time; began = time.perf_counter()'
    return output_of(f'{clock}; import {modules}; print((time.perf_counter() - began) * 1000)')


@pytest.mark.skipif(sys.platform != 'linux', reason='memory is read from /proc')
@pytest.mark.parametrize('grounds', ['mariadb'], indirect=True)
def test_memory(benchmark: Any, grounds: tuple[Ground, Ground], tmp_path: Path) -> None:
    """Of a worker process that has drained some thousand jobs."""
    code = (
        f'import {LIBRARIES}, os; from pathlib import Path; '
        "text = Path('/proc/self/status').read_text(); "
        "print(int(text.split('VmRSS:')[1].split()[0]) / 1024)"
    )
    with Fleet(tmp_path, {}) as fleet:
        (worker,) = fleet.started(grounds[0].url, 1)
        by_workers(grounds[0], 4000)
        compare(
            benchmark,
            lambda: resident(worker.pid),
            lambda: output_of(code),
            what='memory of a worker process',
            against='Python with the same libraries imported',
            unit='MiB',
            more=False,
        )


def test_import(benchmark: Any) -> None:
    """All that an app of both servers imports."""
    compare(
        benchmark,
        lambda: import_time('wumai.server, wumai.model'),
        lambda: import_time('flask'),
        rounds=9,
        what='import wumai.server, wumai.model',
        against='import flask',
        unit='ms',
        more=False,
    )


def line_time(info: Callable[..., object]) -> float:
    """Microseconds a line."""
    began = time.perf_counter()
    for number in range(LINES):
        info('job-%d of %s finished', number, 'CreateInstance')
    return (time.perf_counter() - began) / LINES * 1e6


@pytest.mark.parametrize('level', ['info', 'debug'])
def test_log(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    """A line that is written, and one that is below the level of the log."""
    plain = logging.Logger('plain', logging.INFO)
    file = logging.FileHandler(tmp_path / 'plain.log')
    file.setFormatter(logging.Formatter(FORMAT))
    plain.addHandler(file)
    # pytest listens too, unasked.
    monkeypatch.setattr(logging.getLogger('wumai'), 'propagate', False)
    logger.setup('bench', tmp_path)
    try:
        compare(
            benchmark,
            lambda: line_time(getattr(logger, level)),
            lambda: line_time(getattr(plain, level)),
            what='a line of the log' if level == 'info' else 'a line below the level of the log',
            against='logging.FileHandler',
            unit='µs',
            more=False,
        )
    finally:
        logger.shutdown('bench')
        file.close()
