"""The API server: its start, its stop, what keeps it from starting."""

import logging
import signal
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import gevent
import pytest
from gevent.ssl import SSLContext

from tests.api.serving import LIMIT, Connection, make_api, request, serve
from wumai.error import ConfigError, SchemaError
from wumai.store.db_errors import StoreError

CALL = request(b'{"action": "Hello"}')
ROOT = Path(__file__).parents[2]


def hello():
    return {'text': 'hello world'}


def test_start_and_stop(caplog):
    """It says where it listens, and returns after `stop`."""
    caplog.set_level(logging.INFO, 'wumai')
    api = make_api({'Hello': hello})
    with serve(api) as served:
        assert served.call('Hello').json == {'text': 'hello world'}
        assert f'public listens on http://127.0.0.1:{api.address[1]}' in caplog.text
    assert not api.started.is_set()
    with pytest.raises(ConnectionRefusedError):
        Connection(api.address)


def test_start_again():
    """A stopped server may be started anew."""
    api = make_api({'Hello': hello})
    for _ in range(2):
        with serve(api) as served:
            assert served.call('Hello').status == 200


def test_ipv6():
    """On a host of either family."""
    api = make_api({'Hello': hello})
    serving = gevent.spawn(api.start, 0, '::1')
    gevent.wait([api.started, serving], timeout=LIMIT, count=1)
    with Connection(api.address) as connection:
        connection.send(CALL)
        assert connection.receive().status == 200
    api.stop()
    serving.get(timeout=LIMIT)


def test_another_thread_may_serve_and_stop():
    """Where no signal arrives `stop` does it, from any thread."""
    api = make_api({'Hello': hello})
    threads = [threading.Thread(target=api.start, args=(0, '127.0.0.1'))]
    threads[0].start()
    assert api.started.wait(LIMIT)
    with Connection(api.address) as connection:
        connection.send(CALL)
        assert connection.receive().status == 200
    api.stop()
    threads[0].join(LIMIT)
    assert not threads[0].is_alive()


@pytest.mark.parametrize(
    ('port', 'host', 'said'),
    [
        (99999, '127.0.0.1', 'port must be 0-65535'),
        (0, 'a..b', 'cannot listen on a..b:0: '),
        (0, '192.0.2.1', 'Cannot assign requested address'),
    ],
)
def test_it_cannot_listen(port, host, said):
    """A ConfigError that says where and why."""
    with pytest.raises(ConfigError, match=said):
        make_api().start(port, host)


def test_the_port_is_in_use():
    """Said in words."""
    with serve(make_api()) as served, pytest.raises(ConfigError, match='is another server runn'):
        make_api().start(served.api.address[1], '127.0.0.1')


class Journal:
    """A store whose database answers at the second try."""

    def __init__(self, last):
        self.answers = [StoreError('away'), last]

    def problems(self, tables):
        assert tables == ['operation']
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def journalling(last):
    def handler():
        return {}

    handler.wumai_journalled = True
    api = make_api({'Journalled': handler})
    api._runtime.store = Journal(last)
    return api


def test_a_journal_waits_for_its_database(caplog):
    """And then tells what is odd about it."""
    with serve(journalling(['no index'])) as served:
        assert served.call('Journalled').status == 200
    assert 'away: waiting for the database' in caplog.text
    assert 'no index' in caplog.text


def test_a_journal_without_its_table():
    """It stops at the start."""
    with pytest.raises(SchemaError, match='operation'):
        journalling(SchemaError('operation lacks a column')).start(0)


def test_stopped_while_it_waits_for_the_database():
    """It never serves then."""
    api = journalling([])
    api._runtime.store.answers = [StoreError('away')] * 1000
    serving = gevent.spawn(api.start, 0)
    gevent.idle()
    api.stop()
    serving.get(timeout=LIMIT)
    assert not api.started.is_set()


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """A certificate and its key, for localhost."""
    folder = tmp_path_factory.mktemp('tls')
    command = 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2'
    command += ' -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem'
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = (folder / 'cert.pem').read_text() + (folder / 'key.pem').read_text()
    (folder / 'both.pem').write_text(both)
    command = 'openssl pkey -in key.pem -aes128 -passout pass:secret -out locked.pem'
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


def context_of(folder):
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / 'both.pem')
    return context


@pytest.mark.parametrize(
    'options',
    [
        lambda folder: {'certfile': f'{folder}/cert.pem', 'keyfile': f'{folder}/key.pem'},
        lambda folder: {'certfile': f'{folder}/both.pem'},
        lambda folder: {'ssl_context': context_of(folder)},
    ],
    ids=['two files', 'one file', 'a context'],
)
def test_tls(certificate, options, capfd):
    """HTTPS; who speaks plain HTTP to it, or nothing at all, costs nobody anything."""
    trusting = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(certificate / 'cert.pem')
    with serve(make_api({'Hello': hello}), **options(certificate)) as served:
        with served.connect() as plain:
            plain.send(CALL)
            with suppress(ConnectionResetError):
                plain.sock.recv(1000)
        with Connection(served.api.address, trusting) as connection:
            connection.send(CALL)
            assert connection.receive().json == {'text': 'hello world'}
            silent = served.connect()
            served.stop()
        silent.__exit__()
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(
    ('certfile', 'keyfile', 'said'),
    [
        ('none.pem', None, 'none.pem.*No such file'),
        ('cert.pem', None, 'cert.pem'),
        ('key.pem', 'key.pem', 'key.pem'),
        ('cert.pem', 'locked.pem', 'encrypted'),
        (None, 'key.pem', 'no certfile'),
    ],
)
def test_bad_certificates(certificate, certfile, keyfile, said):
    """A ConfigError that names the file; nobody is asked for a password."""
    files = [name and str(certificate / name) for name in (certfile, keyfile)]
    with pytest.raises(ConfigError, match=said):
        make_api().start(0, certfile=files[0], keyfile=files[1])


APP = """
from wumai.config import CONF
CONF.apply(app_root={folder!r}, log_dir={folder!r} + '/log')
import gevent
from wumai.server import create_api
def hello():
    return {{'text': 'hello world'}}
def slow():
    print('slow', flush=True)
    gevent.sleep(0.5)
    return {{'text': 'done'}}
def stuck():
    print('stuck', flush=True)
    while True:
        pass
api = create_api('public').route({{'Hello': hello, 'Slow': slow, 'Stuck': stuck}})
if __name__ == '__main__':
    gevent.spawn(lambda: (api.started.wait(), print(api.address[1], flush=True)))
    api.start(port=0, host='127.0.0.1')
    print('returned', flush=True)
"""


class Process:
    """A real process, whose lines of output say how far it is."""

    def __init__(self, folder, *command):
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={'PYTHONPATH': f'{ROOT}:{folder}', 'PATH': '/usr/bin:/bin'},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def line(self):
        return self.process.stdout.readline().strip()

    def end(self):
        """The exit code, and the rest of the output."""
        try:
            rest, _ = self.process.communicate(timeout=LIMIT)
        finally:
            self.process.kill()
            self.process.wait()
        return self.process.returncode, rest


@pytest.fixture
def app(tmp_path):
    (tmp_path / 'app.py').write_text(APP.format(folder=str(tmp_path)))
    return tmp_path


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_stops_the_process_when_its_request_is_answered(app, number):
    """With exit code 0, and with lines in all its logs' places."""
    process = Process(app, 'app.py')
    with Connection(('127.0.0.1', int(process.line()))) as connection:
        connection.send(request(b'{"action": "Slow"}'))
        assert process.line() == 'slow'
        process.process.send_signal(number)
        assert connection.receive().json == {'text': 'done'}
    assert process.end() == (0, 'returned\n')
    assert 'Slow 0 200' in (app / 'log/public/access.log').read_text()
    assert 'stopped' in (app / 'log/public/normal.log').read_text()


def test_a_second_signal_leaves_at_once(app):
    """With exit code 1, even from a handler that never yields."""
    process = Process(app, 'app.py')
    with Connection(('127.0.0.1', int(process.line()))) as connection:
        connection.send(request(b'{"action": "Stuck"}'))
        assert process.line() == 'stuck'
        # Two that are pending at once may arrive as one, so they differ.
        process.process.send_signal(signal.SIGTERM)
        process.process.send_signal(signal.SIGINT)
        assert process.end() == (1, '')


def test_gunicorn(app):
    """`gunicorn -k gevent module:api` serves the same."""
    command = ['-m', 'gunicorn', '-k', 'gevent', '-b', '127.0.0.1:0', 'app:api']
    process = Process(app, *command, '--no-control-socket')
    while 'Listening at' not in (line := process.line()):
        assert process.process.poll() is None, line
    port = int(line.split('127.0.0.1:')[1].split()[0])
    with Connection(('127.0.0.1', port)) as connection:
        for body, status in ((b'{"action": "Hello"}', 200), (b'{', 400), (b'x' * 2**20, 400)):
            connection.send(request(body))
            assert connection.receive().status == status
        connection.send(request(b' ' * (2**20 + 1)))
        assert connection.receive().code == 4110
    process.process.terminate()
    assert process.end()[0] == 0
    assert 'Hello 0 200' in (app / 'log/public/access.log').read_text()
