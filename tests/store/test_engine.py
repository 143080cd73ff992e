"""Which database the settings name, and what an engine is set to."""

from datetime import timedelta

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from wumai.clock import SystemClock
from wumai.config import Config
from wumai.error import ConfigError
from wumai.store import engine as engines
from wumai.store.db_errors import Unavailable
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore


def conf(**environ):
    settings = Config()
    settings.apply(environ=environ)
    return settings


HOST = {'DB_HOST': 'db', 'DB_USER': 'app', 'DB_DATABASE': 'wumai'}


class TestUrl:
    """DB_URL, or DB_HOST and its kin."""

    def test_from_the_parts(self):
        """3306 is the port unless told otherwise; a password may hold anything."""
        url = database_url(conf(**HOST, DB_PASSWORD='p@ss/word'))
        assert url.render_as_string(False) == 'mysql+pymysql://app:p%40ss%2Fword@db:3306/wumai'
        assert database_url(conf(**HOST, DB_PORT='3307')).port == 3307
        assert database_url(conf(**{**HOST, 'DB_HOST': '::1'})).host == '::1'

    def test_db_url_goes_first(self):
        """Over all the parts."""
        assert database_url(conf(**HOST, DB_URL='sqlite:////w.db')).database == '/w.db'

    @pytest.mark.parametrize(
        ('given', 'driver'),
        [
            ('mysql://u@h/d', 'mysql+pymysql'),
            ('mariadb://u@h/d', 'mariadb+pymysql'),
            ('postgresql://u@h/d', 'postgresql+psycopg'),
            ('postgresql+psycopg://u@h/d', 'postgresql+psycopg'),
            ('postgresql://u@h', 'postgresql+psycopg'),
            ('mysql://u@h/?read_default_file=~/.my.cnf', 'mysql+pymysql'),
        ],
    )
    def test_a_url_without_a_driver(self, given, driver):
        """Gets one that knows gevent."""
        assert database_url(conf(DB_URL=given)).drivername == driver

    @pytest.mark.parametrize('missing', list(HOST))
    def test_what_is_missing_is_named(self, missing):
        """Together with the ways to set it."""
        environ = {name: value for name, value in HOST.items() if name != missing}
        with pytest.raises(ConfigError, match=f'{missing} missing.*Set DB_URL'):
            database_url(conf(**environ))

    @pytest.mark.parametrize(
        ('environ', 'match'),
        [
            ({**HOST, 'DB_PORT': 'many'}, "DB_PORT is no number: 'many'"),
            ({**HOST, 'DB_HOST': 'db:3307'}, 'set DB_HOST=db and DB_PORT=3307'),
            ({'DB_URL': 'mysql+mysqldb://u@h/d'}, 'blocks every greenlet'),
            ({'DB_URL': 'nonesuch://u@h/d'}, 'no driver for nonesuch: '),
            ({'DB_URL': 'sqlite://'}, 'in memory'),
            ({'DB_URL': 'sqlite:///:memory:'}, 'in memory'),
            ({'DB_URL': 'no url'}, 'no SQLAlchemy URL'),
            ({'DB_URL': 'mysql://u@h'}, 'names no database: .* mysql://user@host/shop'),
            ({'DB_URL': 'mariadb+pymysql://u@one,two/?charset=utf8'}, 'names no database'),
            ({'DB_URL': 'mysql://u:p@ss@h/d'}, 'write it as %40'),
            ({'DB_URL': 'mysql://u:p@ss@one,two/d'}, 'write it as %40'),
        ],
    )
    def test_what_cannot_serve_is_refused(self, environ, match):
        """With what to do instead."""
        with pytest.raises(ConfigError, match=match):
            database_url(conf(**environ))

    def test_a_bad_url_is_not_repeated(self):
        """It may hold a password."""
        with pytest.raises(ConfigError) as raised:
            database_url(conf(DB_URL='mysql:secret@host'))
        assert 'secret' not in str(raised.value)

    def test_a_driver_that_is_not_installed(self):
        """Named at the start, and not at the first query."""
        with pytest.raises(ConfigError, match='no driver for mysql\\+nonesuch'):
            make_engine(make_url('mysql+nonesuch://u@h/d'), ROLES['app'], SystemClock())

    @pytest.mark.parametrize(
        ('url', 'told'),
        [
            ('mysql+pymysql://u@h/d?nonsense=1', "unexpected keyword argument 'nonsense'"),
            ('mysql+pymysql://u@h/d?nonsense=1&hosts=one,two', "argument 'nonsense'"),
            ('postgresql+psycopg://u@h/d?nonsense=1', 'psycopg refuses .*"nonsense"'),
            ('mysql+pymysql://u@h/d?charset=nonsense', 'pymysql refuses an option'),
            ('mysql+pymysql://u@h/d?read_timeout=abc', "an option in DB_URL is wrong: .*'abc'"),
            ('sqlite:///w.db?timeout=abc', "an option in DB_URL is wrong: .*'abc'"),
        ],
    )
    def test_an_option_that_the_driver_refuses(self, url, told):
        """Likewise."""
        with pytest.raises(ConfigError, match=told):
            make_engine(make_url(url), ROLES['app'], SystemClock())

    @pytest.mark.parametrize('options', ['sslmode=require', 'prepare_threshold=5', 'host=a:1,b:2'])
    def test_options_of_psycopg_and_of_libpq(self, options):
        """Are theirs."""
        make_engine(
            make_url(f'postgresql+psycopg://u@/d?{options}'), ROLES['worker'], SystemClock()
        )


class TestClock:
    """The server's time is asked, and taken over."""

    @pytest.mark.parametrize('kind', ['mysql', 'postgresql'])
    def test_the_offset_is_observed_at_connect(self, request, kind):
        """A host whose clock is an hour wrong agrees with the database all the same."""
        seen = []

        class Watching(SystemClock):
            def observe(self, database_now, asked, answered):
                super().observe(database_now - timedelta(hours=1), asked, answered)
                seen.append(answered - asked)

        clock = Watching()
        engine = make_engine(
            make_url(request.getfixturevalue(f'{kind}_database')), ROLES['worker'], clock
        )
        SqlStore(engine).ping()
        SqlStore(engine).ping()
        engine.dispose()
        assert len(seen) == 1
        off = clock.now() - SystemClock().now()
        assert abs(off + timedelta(hours=1)) < timedelta(seconds=2)

    def test_the_offset_is_asked_again(self, mysql_database, monkeypatch):
        """When the last answer has grown old."""
        monkeypatch.setattr(engines, 'OFFSET_AGE', 0.0)
        seen = []
        clock = SystemClock()
        monkeypatch.setattr(clock, 'observe', lambda *args: seen.append(args))
        engine = make_engine(make_url(mysql_database), ROLES['worker'], clock)
        for _ in range(3):
            SqlStore(engine).ping()
        engine.dispose()
        assert len(seen) == 4

    def test_sqlite_has_no_clock_of_its_own(self, tmp_path, monkeypatch):
        """It is in this process, and is not asked."""
        seen = []
        clock = SystemClock()
        monkeypatch.setattr(clock, 'observe', lambda *args: seen.append(args))
        engine = make_engine(make_url(f'sqlite:///{tmp_path}/one.db'), ROLES['worker'], clock)
        SqlStore(engine).ping()
        engine.dispose()
        assert seen == []


def test_nothing_of_ours_waits_for_ever():
    """All but the app's own connections give an answer up; a short lease gives it up earlier."""
    assert [name for name, role in ROLES.items() if role.statement_timeout is None] == ['app']
    assert ROLES['heartbeat'].within(0.5).statement_timeout == 0.5
    assert ROLES['heartbeat'].within(60) == ROLES['heartbeat']


def test_values_are_in_no_error(sqlite):
    """What a statement was given may be a secret, and its error is stored and logged."""
    with sqlite.engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text('INSERT INTO nope VALUES (:password)'), {'password': 'hunter2'})
    assert 'INSERT INTO nope' in str(raised.value)
    assert 'hunter2' not in str(raised.value)


class TestServers:
    """Servers that are away."""

    @pytest.mark.parametrize(
        'url', ['mysql+pymysql://root@127.0.0.1:1/d', 'postgresql+psycopg://u@127.0.0.1:1/d']
    )
    def test_refused(self, url):
        """Unavailable, at once."""
        store = SqlStore(make_engine(make_url(url), ROLES['worker'], SystemClock()))
        with pytest.raises(Unavailable):
            store.ping()

    def test_no_folder_for_the_file(self, tmp_path, opened):
        """Likewise for an SQLite file that cannot be opened."""
        with pytest.raises(Unavailable):
            opened(f'sqlite:///{tmp_path}/none/wumai.db').ping()

    def test_a_lost_connection(self, mysql_database, opened):
        """The next transaction fails, and the one after has a new connection."""
        one, other = opened(mysql_database), opened(mysql_database)
        with one.engine.connect() as connection:
            number = connection.execute(text('SELECT CONNECTION_ID()')).scalar_one()
        with other.engine.connect() as connection:
            connection.execute(text(f'KILL {number}'))
        with pytest.raises(Unavailable):
            one.ping()
        one.ping()
