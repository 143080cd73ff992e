"""Requests over a socket, with an access log: ours beside bare Flask, and beside FastAPI."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.load import load
from tests.benchmarks.measure import compare
from tests.benchmarks.web import BODY, served

CONNECTIONS, SECONDS, ROUNDS = 10, 2.0, 5
NAMES = {'gevent': "gevent's server", 'gunicorn': 'gunicorn -k gevent', 'uvicorn': 'uvicorn'}


@pytest.mark.parametrize(
    ('server', 'peer', 'peer_server', 'aim'),
    [
        ('gevent', 'Flask', 'gevent', 1.3),
        ('gunicorn', 'Flask', 'gunicorn', 1.3),
        ('gevent', 'FastAPI', 'uvicorn', 1.0),
    ],
)
def test_requests_a_second(
    benchmark: Any, tmp_path: Path, server: str, peer: str, peer_server: str, aim: float
) -> None:
    """One server process each, 10 connections that are kept alive. `start` is on our own server."""
    if peer == 'FastAPI' and not find_spec('fastapi'):
        pytest.skip('FastAPI is not here: tox -e bench-peers')
    with (
        served('wumai', server, tmp_path / 'ours') as ours,
        served(peer, peer_server, tmp_path / 'theirs') as theirs,
    ):
        latencies: tuple[list[float], list[float]] = ([], [])

        def answered(which: int) -> float:
            found = load((ours, theirs)[which], BODY, CONNECTIONS, SECONDS)
            latencies[which].append(found.p99)
            return found.per_second

        compare(
            benchmark,
            lambda: answered(0),
            lambda: answered(1),
            rounds=ROUNDS,
            what=f'requests, {_ours(server)}',
            against=f'{peer} on {NAMES[peer_server]}',
            unit='req/s',
            aim=aim,
            plot='requests over a socket',
        )
    benchmark.extra_info['p99_ms'] = latencies


def _ours(server: str) -> str:
    return 'our own server' if server == 'gevent' else f'wumai on {NAMES[server]}'
