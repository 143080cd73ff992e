"""Real servers carry wake-ups between real processes: Redis, and PostgreSQL itself."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine

from tests.redis import RedisServer
from wumai import bootstrap
from wumai.config import Config
from wumai.store import schema
from wumai.wire import redis

LIMIT = 30
LISTENER = """
from gevent import monkey; monkey.patch_all()
import sys, json, gevent
from gevent.event import Event
from wumai import bootstrap
from wumai.config import Config
conf = Config(); conf.apply(environ=json.loads(sys.argv[1]))
wakeups = bootstrap.runtime_from(conf).wakeups
hang_up = wakeups.hear(lambda: print('told', flush=True))
gevent.spawn(lambda: (gevent.get_hub().threadpool.apply(sys.stdin.readline), hang_up(), done.set()))
done = Event(); done.wait()
"""
"""Prints a line each time that it is told, until its input ends."""

SENDER = """
from gevent import monkey; monkey.patch_all()
import sys, json, gevent
from wumai import bootstrap, db
from wumai.config import Config
from wumai.model import Job
conf = Config(); conf.apply(environ=json.loads(sys.argv[1]))
runtime = bootstrap.runtime_from(conf); bootstrap.provide(lambda: runtime)
with db.transaction():
    Job.create('Act')
    gevent.sleep(0.2); print('created', flush=True); sys.stdin.readline()
gevent.get_hub().threadpool.apply(sys.stdin.readline)
"""
"""Creates a job, commits when it has read a line, and lives until its input ends."""


@contextmanager
def running(code: str, environ: Mapping[str, str]) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, '-c', code, json.dumps(environ)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        with process:
            yield process
            assert process.stdin
            process.stdin.close()
            assert process.wait(LIMIT) == 0
    finally:
        process.kill()


def made(url: str) -> str:
    engine = create_engine(url, poolclass=NullPool)
    schema.metadata.create_all(engine)
    return url


@pytest.fixture(params=['redis', 'postgresql'])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of an app whose processes can tell each other."""
    if request.param == 'postgresql':
        return {'DB_URL': made(request.getfixturevalue('postgresql_database'))}
    server: RedisServer = request.getfixturevalue('redis_server')
    return {'DB_URL': made(f'sqlite:///{tmp_path}/wumai.db'), **server.settings}


def test_another_process_is_told_at_the_commit(environ: dict[str, str]) -> None:
    """And not before."""
    with running(LISTENER, environ) as listener:
        assert listener.stdout.readline() == 'told\n'  # it listens
        with running(SENDER, environ) as sender:
            assert sender.stdout.readline() == 'created\n'
            sender.stdin.write('\n')
            assert listener.stdout.readline() == 'told\n'
        listener.stdin.write('\n')
        assert listener.stdout.read() == ''


def test_redis_may_be_restarted(redis_server: RedisServer, tmp_path: Path) -> None:
    """A process that listened is told once it listens again."""
    environ = {'DB_URL': f'sqlite:///{tmp_path}/wumai.db', **redis_server.settings}
    with running(LISTENER, environ) as listener:
        assert listener.stdout.readline() == 'told\n'
        redis_server.stop()
        redis_server.start()
        assert listener.stdout.readline() == 'told\n'


def test_a_redis_that_is_silent_is_asked(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And given up when it does not answer, though its connection stays open."""
    monkeypatch.setattr(redis, 'SILENCE', 0.02)
    monkeypatch.setattr(redis, 'ANSWER', 1)
    heard = redis.RedisPort('127.0.0.1', redis_server.port, None, 'jobs').hear()
    with closing(heard):
        assert [next(heard) for _ in range(3)] == [None] * 3
        redis_server.freeze()
        with pytest.raises(TimeoutError, match='no answer in 1 s'):
            next(heard)


@pytest.fixture
def wakeups() -> Callable[..., Any]:
    def of(**environ: str) -> Any:
        conf = Config()
        conf.apply(environ=environ)
        return bootstrap.runtime_from(conf).wakeups

    return of


def test_a_database_alone_has_no_wire(wakeups: Callable[..., Any], tmp_path: Path) -> None:
    """Then workers poll."""
    alone = wakeups(DB_URL=f'sqlite:///{tmp_path}/wumai.db')
    alone.created()
    assert not alone.everywhere


def test_redis_without_its_package_is_said(
    wakeups: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And costs nothing but latency."""
    monkeypatch.setitem(sys.modules, 'redis', None)
    monkeypatch.delitem(sys.modules, 'wumai.wire.redis', raising=False)
    wakeups(DB_URL='sqlite:///x.db', REDIS_HOST='localhost').created()
    assert "pip install 'wumai[redis]'" in caplog.text
