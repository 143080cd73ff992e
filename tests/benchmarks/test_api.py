"""What our part of a request costs, beside a bare Flask view that does the same with JSON."""

import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.measure import compare
from tests.benchmarks.web import BODY, bare_app, our_app

ENVIRON = {
    'REQUEST_METHOD': 'POST',
    'SCRIPT_NAME': '',
    'PATH_INFO': '/',
    'QUERY_STRING': '',
    'SERVER_NAME': 'localhost',
    'SERVER_PORT': '8080',
    'SERVER_PROTOCOL': 'HTTP/1.1',
    'HTTP_HOST': 'localhost:8080',
    'REMOTE_ADDR': '127.0.0.1',
    'CONTENT_TYPE': 'application/json',
    'CONTENT_LENGTH': str(len(BODY)),
    'wsgi.version': (1, 0),
    'wsgi.url_scheme': 'http',
    'wsgi.input_terminated': True,
    'wsgi.errors': sys.stderr,
    'wsgi.multithread': False,
    'wsgi.multiprocess': False,
    'wsgi.run_once': False,
}


class Memory(logging.Handler):
    """Keeps the formatted lines, as a log would."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter('[access][%(levelname)s][%(asctime)s] %(message)s'))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def access_log() -> Iterator[list[str]]:
    """The lines of the access log, in memory and nowhere else: pytest listens too, unasked."""
    log = logging.getLogger('wumai.access')
    before = log.handlers, log.level, log.propagate
    memory = Memory()
    log.handlers, log.propagate = [memory], False
    log.setLevel(logging.INFO)
    try:
        yield memory.lines
    finally:
        log.handlers, level, log.propagate = before
        log.setLevel(level)


def post(app: Any) -> bytes:
    """One request, through the app as a WSGI server would call it."""
    heads: list[Any] = []
    environ = {**ENVIRON, 'wsgi.input': io.BytesIO(BODY)}
    body = app(environ, lambda *head: heads.append(head))
    text = b''.join(body)
    if hasattr(body, 'close'):
        body.close()
    assert heads[0][0] == '200 OK'
    return text


REQUESTS, ROUNDS = 200, 25


def rate(app: Any) -> float:
    """Requests a second of the processor's time."""
    began = time.process_time()
    for _ in range(REQUESTS):
        post(app)
    return REQUESTS / (time.process_time() - began)


def test_requests_in_process(benchmark: Any) -> None:
    """Context id, error codes and access line included."""
    ours, bare = our_app(), bare_app()
    with access_log() as lines:
        compare(
            benchmark,
            lambda: rate(ours),
            lambda: rate(bare),
            rounds=ROUNDS,
            what='requests, in process',
            against='bare Flask',
            unit='req/s',
            aim=1.0,
            plot='requests in process',
        )
    assert 'DescribeInstances 0 200' in lines[-1]
