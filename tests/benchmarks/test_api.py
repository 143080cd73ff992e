"""What our part of a request costs, beside a bare Flask view that does the same with JSON."""

import io
import logging
import sys
import time
from contextlib import contextmanager

import pytest

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

    def __init__(self):
        super().__init__()
        self.lines = []
        self.setFormatter(logging.Formatter('[access][%(levelname)s][%(asctime)s] %(message)s'))

    def emit(self, record):
        self.lines.append(self.format(record))


@contextmanager
def access_log():
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


def post(app):
    """One request, through the app as a WSGI server would call it."""
    heads = []
    environ = {**ENVIRON, 'wsgi.input': io.BytesIO(BODY)}
    body = app(environ, lambda *head: heads.append(head))
    text = b''.join(body)
    if hasattr(body, 'close'):
        body.close()
    assert heads[0][0] == '200 OK'
    return text


@pytest.mark.benchmark(group='request')
def test_bare_flask(benchmark):
    """The measure."""
    benchmark(post, bare_app())


@pytest.mark.benchmark(group='request')
def test_ours(benchmark):
    """Context id, error codes and access line included."""
    with access_log() as lines:
        benchmark(post, our_app())
    assert 'DescribeInstances 0 200' in lines[-1]


ROUNDS, REQUESTS = 60, 100


@pytest.mark.benchmark(group='ratio')
def test_ratio(benchmark):
    """In the same run and turn by turn, ours costs no more than a tenth above the bare view."""
    apps = {'ours': our_app(), 'bare': bare_app()}
    best = dict.fromkeys(apps, float('inf'))

    def measure():
        for name, app in apps.items():
            began = time.process_time()
            for _ in range(REQUESTS):
                post(app)
            best[name] = min(best[name], time.process_time() - began)
        lines.clear()

    with access_log() as lines:
        benchmark.pedantic(measure, rounds=ROUNDS, warmup_rounds=2)
    ratio = best['ours'] / best['bare']
    benchmark.extra_info['ratio'] = round(ratio, 3)
    assert ratio < 1.1
