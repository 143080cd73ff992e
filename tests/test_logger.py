"""The log files: where a line goes, what it looks like, and that nothing breaks it."""

import functools
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from wumai import logger
from wumai.common import local
from wumai.config import CONF
from wumai.error import ConfigError

LINE = re.compile(
    r'\[(?P<log>\w+)\]\[(?P<level>[A-Z]+)\]\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]'
    r'\[(?P<context>[^]]*)\]\[(?P<logger>[^]]*)\] (?P<message>.*)'
)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    """A log_dir; what was set up in it is closed after the test."""
    yield tmp_path / 'logs'
    logger.shutdown()


def read(logs: Path, name: str, log: str = 'normal') -> list[str]:
    return (logs / name / f'{log}.log').read_text(encoding='utf-8').splitlines()


def within(server: str, context_id: str, log: Callable[..., None], *args: object) -> None:
    """Call `log` as the code of a request or try does."""

    def run() -> None:
        local.enter(server, context_id)
        log(*args)

    copy_context().run(run)


def test_the_three_files_are_there_from_the_start(logs: Path) -> None:
    """log_dir is made where missing, and the files before the first line."""
    logger.setup('public', logs)
    assert {path.name for path in (logs / 'public').glob('*.log')} == {
        'normal.log',
        'access.log',
        'db.log',
    }


@freeze_time('2026-01-31 23:59:59.125')
def test_a_line_has_the_form_that_users_know(logs: Path) -> None:
    """Log, level, UTC time, context id, logger, message."""
    logger.setup('worker', logs)
    within('worker', 'job-1.2', logger.info, 'hello %s', 'you')
    logger.db.warning('gone')
    # freezegun's nanoseconds are a float's: the last millisecond may be missing.
    when = r'2026-01-31 23:59:59,12[45]'
    (line,) = read(logs, 'worker')
    assert re.fullmatch(rf'\[normal\]\[INFO\]\[{when}\]\[job-1\.2\]\[root\] hello you', line)
    (line,) = read(logs, 'worker', 'db')
    assert re.fullmatch(rf'\[db\]\[WARNING\]\[{when}\]\[-\]\[root\] gone', line)


def test_an_access_line_tells_all_of_an_answer(logs: Path) -> None:
    """Peer, action, code, HTTP status and milliseconds; the action is the client's text."""
    logger.setup('public', logs)
    logger.access('203.0.113.9', 'CreateInstance', 4104, 404, 12.34)
    logger.access('203.0.113.9', None, 4110, 400, 0.1)
    logger.access('203.0.113.9', 'a b 0 200\n[access]' + 'x' * 1000, 4000, 404, 0.1)
    lines = [LINE.fullmatch(line) for line in read(logs, 'public', 'access')]
    messages = [line and line['message'] for line in lines]
    assert messages[:2] == [
        '203.0.113.9 CreateInstance 4104 404 12.3ms',
        '203.0.113.9 - 4110 400 0.1ms',
    ]
    assert messages[2] is not None
    assert messages[2].startswith("203.0.113.9 'a b 0 200\\n[access]x")
    assert len(messages[2]) < 150


ACCESS, WUMAI, ROOT = map(logging.getLogger, ('wumai.access', 'wumai', None))


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else listens, although pytest does, and what commands have left; no fixture, since it
    begins with the test.
    """
    handlers = ROOT.handlers, WUMAI.handlers
    ROOT.handlers, WUMAI.handlers = [], []
    try:
        yield
    finally:
        ROOT.handlers, WUMAI.handlers = handlers


class Kept(logging.Handler):
    """What a handler of the app's own has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)


def log_three_answers() -> None:
    """The first line of a second is a record in any case."""
    for action in ('A', 'a token=hunter2', '\u2028'):
        within('public', 'me\n', logger.access, '203.0.113.9', action, 0, 200, 12.34)


@freeze_time('2026-01-31 12:00:00.125')
@alone()
def test_an_access_line_is_the_same_without_a_record(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody else listens it goes straight to its file: masked, and in one line."""
    records: list[logging.LogRecord] = []
    handle = ACCESS.handle
    monkeypatch.setattr(ACCESS, 'handle', lambda record: (records.append(record), handle(record)))
    logger.setup('public', logs)
    log_three_answers()
    assert len(records) == 1
    WUMAI.addHandler(kept := Kept())
    try:
        log_three_answers()
    finally:
        WUMAI.removeHandler(kept)
    lines = read(logs, 'public', 'access')
    assert (len(records), len(lines)) == (4, 6)
    assert lines[:3] == lines[3:]
    assert 'hunter2' not in lines[1]


@pytest.mark.parametrize('listened', [ACCESS, WUMAI, ROOT])
@alone()
def test_handlers_of_the_app_see_each_access_line(logs: Path, listened: logging.Logger) -> None:
    """Whichever logger they are at, and although the file is written."""
    logger.setup('public', logs)
    kept = Kept()
    listened.addHandler(kept)
    log_three_answers()
    listened.removeHandler(kept)
    assert kept.seen[0].args == ('203.0.113.9', 'A', 0, 200, 12.34)
    assert (len(kept.seen), len(read(logs, 'public', 'access'))) == (3, 3)


@alone()
def test_a_record_factory_makes_each_access_line(logs: Path) -> None:
    """Python's hook for those who want more in a record."""
    logger.setup('public', logs)

    def shouting(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        record.levelname = 'LOUD'
        return record

    logging.setLogRecordFactory(shouting)
    try:
        log_three_answers()
    finally:
        logging.setLogRecordFactory(logging.LogRecord)
    assert sum('[LOUD]' in line for line in read(logs, 'public', 'access')) == 3


@pytest.mark.parametrize('method', ['handle', 'callHandlers'])
@alone()
def test_who_replaces_a_method_of_logging_sees_each_access_line(
    logs: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """As Sentry does, to listen."""
    logger.setup('public', logs)
    seen: list[logging.LogRecord] = []
    real = getattr(logging.Logger, method)

    @functools.wraps(real)
    def listening(self: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record)
        real(self, record)

    monkeypatch.setattr(logging.Logger, method, listening)
    log_three_answers()
    assert (len(seen), len(read(logs, 'public', 'access'))) == (3, 3)


@pytest.mark.parametrize(
    ('setting', 'value'),
    [
        ('disabled', True),
        ('propagate', False),
        ('filters', [lambda _: False]),
        ('level', logging.WARNING),
    ],
)
@alone()
def test_the_access_log_may_be_silenced(
    logs: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: object
) -> None:
    """By any means of logging."""
    logger.setup('public', logs)
    log_three_answers()
    with monkeypatch.context() as patched:
        patched.setattr(ACCESS, setting, value)
        ACCESS.manager._clear_cache()  # type: ignore[attr-defined]
        log_three_answers()
    ACCESS.manager._clear_cache()  # type: ignore[attr-defined]
    logging.disable(logging.INFO)
    log_three_answers()
    logging.disable(logging.NOTSET)
    log_three_answers()
    assert len(read(logs, 'public', 'access')) == 6


def test_children_are_named_by_their_file(logs: Path, tmp_path: Path) -> None:
    """Below app_root by the path from there, elsewhere by the file's name."""
    logger.setup('public', logs)
    CONF.app_root = tmp_path
    try:
        logger.getChild(str(tmp_path / 'model' / 'access.py')).info('a')
        logger.getChild('/elsewhere/db.py').info('b')
    finally:
        del CONF.app_root
    lines = [LINE.fullmatch(line) for line in read(logs, 'public')]
    assert [line and line['logger'] for line in lines] == ['model/access.py', 'db.py']


def test_each_server_has_its_own_folder(logs: Path) -> None:
    """Lines go to the server whose code runs; those of none to the first that was set up."""
    logger.setup('public', logs)
    logger.setup('worker', logs)
    within('worker', 'w', logger.info, 'of worker')
    within('public', 'p', logger.info, 'of public')
    logger.info('of none')
    assert [line.rpartition('] ')[2] for line in read(logs, 'worker')] == ['of worker']
    assert [line.rpartition('] ')[2] for line in read(logs, 'public')] == ['of public', 'of none']


@pytest.mark.parametrize('evil', ['\n', '\r', '\x0b', '\x1c', '\x85', '\u2028', '\x1b[2J', '\0'])
def test_a_message_cannot_forge_a_line(logs: Path, evil: str) -> None:
    """What ends a line or steers a terminal is written as an escape."""
    logger.setup('public', logs)
    logger.info('a%s[normal][INFO]', evil)
    (line,) = (logs / 'public' / 'normal.log').read_text(encoding='utf-8').splitlines()
    assert LINE.fullmatch(line)
    assert evil not in line


def test_a_traceback_cannot_forge_a_line(logs: Path) -> None:
    """Its lines stay, but none of them looks like a line of the log."""
    logger.setup('public', logs)
    try:
        raise ValueError('first\n[normal][INFO][2026-01-01 00:00:00,000][-][root] forged')
    except ValueError:
        logger.exception('failed')
    lines = read(logs, 'public')
    assert [LINE.fullmatch(line) is not None for line in lines] == [True, *[False] * len(lines[1:])]
    assert 'Traceback (most recent call last):' in lines
    assert 'ValueError: first' in lines


def test_text_that_is_no_unicode_is_written(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lone surrogates become escapes; other languages stay."""
    # pytest-xdist cannot carry what pytest captures of it.
    monkeypatch.setattr(logging.getLogger('wumai'), 'propagate', False)
    logger.setup('public', logs)
    logger.info('\udc80 五麦 😀')
    assert read(logs, 'public')[0].endswith('] \\udc80 五麦 😀')


def test_secrets_are_masked_in_all_logs(logs: Path) -> None:
    """Messages, their arguments and tracebacks."""
    logger.setup('public', logs)
    logger.db.warning('mysql://u:%s@h/db', 'hunter2')
    try:
        raise ValueError('password=hunter2')
    except ValueError:
        logger.exception('token: hunter2')
    assert not [path for path in (logs / 'public').glob('*.log') if 'hunter2' in path.read_text()]


def test_debug_is_by_server(logs: Path) -> None:
    """Only a server in debug writes debug lines."""
    logger.setup('public', logs, debug=True)
    logger.setup('worker', logs)
    logger.debug('fine')
    within('worker', 'w', logger.debug, 'fine')
    assert (len(read(logs, 'public')), len(read(logs, 'worker'))) == (1, 0)


def test_debug_shows_the_logs(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, as they are in the files; but not SQL, and of no other server."""
    logger.setup('public', logs, debug=True)
    logger.setup('worker', logs)
    logger.info('hello')
    logger.access('127.0.0.1', 'Act', 0, 200, 1.0)
    logger.db.warning('lost')
    within('worker', 'w', logger.warning, 'elsewhere')
    shown = capsys.readouterr().err.splitlines()
    assert shown == [*read(logs, 'public'), *read(logs, 'public', 'access')]
    assert len(shown) == 2


@alone()
def test_debug_shows_each_access_line(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nobody else listens."""
    logger.setup('public', logs, debug=True)
    log_three_answers()
    assert capsys.readouterr().err.splitlines() == read(logs, 'public', 'access')


def test_statements_are_logged_on_demand(logs: Path) -> None:
    """db.log has SQLAlchemy's lines only with CONF.db_log or debug."""
    statements = logging.getLogger('sqlalchemy.engine.Engine')
    logger.setup('public', logs)
    assert not statements.isEnabledFor(logging.INFO)
    logger.setup('public', logs, debug=True)
    statements.info('SELECT 1')
    (line,) = [LINE.fullmatch(line) for line in read(logs, 'public', 'db')]
    assert line
    assert (line['logger'], line['message']) == ('sqlalchemy.engine.Engine', 'SELECT 1')
    logger.shutdown()
    assert not statements.isEnabledFor(logging.INFO)


def test_setup_again_is_no_harm(logs: Path) -> None:
    """A line is written once, however often a server is set up."""
    for _ in range(3):
        logger.setup('public', logs)
    logger.info('once')
    assert len(read(logs, 'public')) == 1


def test_handlers_of_the_app_see_the_lines(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is standard logging: what the app adds to the root logger works."""
    logger.setup('public', logs)
    logger.info('hello')
    assert caplog.messages == ['hello']


def test_before_setup_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    """An import or a script of the app's prints no more than warnings."""
    code = "from wumai import logger; logger.info('a'); logger.access('p', 'A', 0, 200, 1)"
    subprocess.run([sys.executable, '-c', code], check=True)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('name', ['', '.', '..', '../x', 'a/b', '/x'])
def test_a_name_that_is_no_folder_is_refused(logs: Path, name: str) -> None:
    """Logs stay within log_dir."""
    with pytest.raises(ConfigError, match='cannot name a server'):
        logger.setup(name, logs)


def test_a_log_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A clear error, not a traceback of the logging library."""
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match=r"log_dir '.*file' cannot be written"):
        logger.setup('public', tmp_path / 'file')


def test_rotation_at_midnight(logs: Path) -> None:
    """The day that ended is in a file that has its date."""
    with freeze_time(datetime(2026, 1, 31, 23, 59, 59)) as clock:
        logger.setup('public', logs)
        logger.info('old')
        logger.info('old too')
        clock.tick(1)
        logger.info('new')
        logger.info('new too')
    today, before = logs / 'public' / 'normal.log', logs / 'public' / 'normal.log.2026-01-31'
    assert [len(path.read_text().splitlines()) for path in (before, today)] == [2, 2]


def test_a_file_that_was_taken_away_comes_back(logs: Path) -> None:
    """Other tools may move the file: within a second lines go to a new one."""
    with freeze_time(datetime(2026, 1, 1, 12)) as clock:
        logger.setup('public', logs)
        logger.info('a')
        (logs / 'public' / 'normal.log').rename(logs / 'moved.log')
        clock.tick(1)
        logger.info('b')
    assert len(read(logs, 'public')) == 1


WRITER = """
import sys
from datetime import datetime, timedelta
from freezegun import freeze_time
from wumai import logger

with freeze_time(datetime(2026, 1, 31, 23, 59, 50)) as clock:
    logger.setup('worker', sys.argv[1])
    for number in range(2000):
        if number % 100 == 0:
            clock.tick(1)
        logger.info('%s %d %s', sys.argv[2], number, 'x' * (number % 50) * 100)
"""


def test_processes_of_one_server_share_its_files(logs: Path) -> None:
    """No line is lost, doubled or torn, also while the files are rotated."""
    names = ['one', 'two', 'three']
    writers = [subprocess.Popen([sys.executable, '-c', WRITER, logs, name]) for name in names]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = [
        line
        for path in (logs / 'worker').glob('normal.log*')
        for line in path.read_text().splitlines()
    ]
    found = [LINE.fullmatch(line) for line in lines]
    keys = {tuple(line['message'].split(' ')[:2]) for line in found if line}
    assert (len(lines), len(keys)) == (6000, 6000)
    assert len(list((logs / 'worker').glob('normal.log*'))) > 1


THREADS = """
import sys
from gevent import monkey; monkey.patch_all()
import gevent
from wumai import logger

logger.setup('worker', sys.argv[1])
ended = monkey.get_original('_thread', 'allocate_lock')()
ended.acquire()

def write(name, number):
    for line in range(number):
        logger.info('%s %d', name, line)
        if name != 'thread':
            gevent.sleep(0)

def thread():
    write('thread', 3000)
    ended.release()

greenlets = [gevent.spawn(write, 'greenlet', 300) for _ in range(5)]
monkey.get_original('_thread', 'start_new_thread')(thread, ())
gevent.joinall(greenlets, raise_error=True)
ended.acquire()
"""


def test_a_native_thread_and_greenlets_write_at_once(logs: Path) -> None:
    """As the heartbeat and the handlers do: none waits for a lock of the other's kind."""
    subprocess.run([sys.executable, '-c', THREADS, logs], check=True, timeout=60)
    assert len(read(logs, 'worker')) == 3000 + 5 * 300


CONTENDED = """
from gevent import monkey; monkey.patch_all()
import logging, os, sys, time
import gevent
from wumai import logger

logger.setup('worker', sys.argv[1])
gevent.get_hub()
native_sleep = monkey.get_original('time', 'sleep')
looks = [0, 0]

def look(who):
    logging.getLogger('app').manager._clear_cache()
    logging.getLogger('app').isEnabledFor(logging.INFO)
    looks[who] += 1

def heartbeat():
    gevent.get_hub()
    while True:
        for _ in range(50):
            look(0)
        native_sleep(0.001)

def greenlet():
    while looks[1] < 20000:
        look(1)
        gevent.sleep(0)

sys.setswitchinterval(1e-5)
monkey.get_original('_thread', 'start_new_thread')(heartbeat, ())
while not looks[0]:
    native_sleep(0.001)
gevent.joinall([gevent.spawn(greenlet) for _ in range(3)])
os._exit(0)
"""


def test_a_native_thread_and_greenlets_may_look_at_loggers_at_the_same_moment(
    tmp_path: Path,
) -> None:
    done = subprocess.run([sys.executable, '-c', CONTENDED, str(tmp_path)], timeout=30)
    assert done.returncode == 0
