"""The settings of a process."""

import re
from typing import Any

import pytest

from wumai.config import Config
from wumai.error import ConfigError


@pytest.fixture
def conf() -> Config:
    """Settings of their own, over an empty environment."""
    conf = Config()
    conf.environ = {}
    return conf


def test_apply(conf: Config) -> None:
    """Sets attributes, whatever their names; assigning one does the same."""
    conf.apply(app_root='/srv/shop', regions=['a', 'b'])
    conf.quota = 7
    assert (conf.app_root, conf.regions, conf.quota) == ('/srv/shop', ['a', 'b'], 7)
    assert (conf.get('quota'), conf.get('nonesuch'), conf.get('nonesuch', 1)) == (7, None, 1)


def test_the_environment_is_read_late(conf: Config) -> None:
    """At each use, behind what was set; an empty variable is none to `get`."""
    environ: dict[str, str] = {}
    conf.environ = environ
    environ['DB_HOST'] = 'one'
    assert (conf.DB_HOST, conf.get('DB_HOST')) == ('one', 'one')
    environ['DB_HOST'] = ''
    assert conf.get('DB_HOST', 'two') == 'two'
    conf.apply(DB_HOST='three')
    assert (conf.DB_HOST, conf.get('DB_HOST')) == ('three', 'three')


@pytest.mark.parametrize(
    ('applied', 'told'),
    [
        ({}, 'app_root and log_dir must be set first: wumai.config.CONF.apply(app_root=..., log_'),
        ({'app_root': '.'}, 'log_dir must be set first: wumai.config.CONF.apply(log_dir=...)'),
    ],
)
def test_what_is_required(conf: Config, applied: dict[str, str], told: str) -> None:
    """Each that is missing is named, and the call that sets it."""
    conf.apply(**applied)
    with pytest.raises(ConfigError, match='^' + re.escape(told)):
        conf.require('app_root', 'log_dir')
    conf.apply(app_root='.', log_dir='logs')
    conf.require('app_root', 'log_dir')


@pytest.mark.parametrize(
    ('applied', 'told'),
    [
        ({'log_dir': 5}, 'log_dir must be a path, not 5'),
        ({'max_body': '1MB'}, "max_body must be a number of bytes, not '1MB'"),
        ({'db_log': 'no'}, "db_log must be True or False, not 'no'"),
        ({'debug': 'yes'}, "debug must be True or False, not 'yes'"),
        ({'max_body': -1}, 'max_body must be a number of bytes, not -1'),
        ({'SLACK_WEBHOOK_URL': 'hunter2'}, 'SLACK_WEBHOOK_URL is no URL that begins with https'),
    ],
)
def test_what_no_server_could_serve_with(conf: Config, applied: dict[str, Any], told: str) -> None:
    """Is refused by name, and all else left alone."""
    conf.apply(**applied)
    with pytest.raises(ConfigError, match='^' + re.escape(told)) as raised:
        conf.check()
    assert 'hunter2' not in str(raised.value)
    conf.apply(
        log_dir='logs',
        db_log=True,
        debug=False,
        max_body=1000,
        SLACK_WEBHOOK_URL='https://slack.invalid/hook',
    )
    conf.check()


@pytest.mark.parametrize(
    ('name', 'told'),
    [
        ('regions', 'set it with wumai.config.CONF.apply(regions=...)'),
        ('REGIONS', 'wumai.config.CONF.apply(REGIONS=...) or the environment variable REGIONS'),
    ],
)
def test_what_is_missing(conf: Config, name: str, told: str) -> None:
    """An AttributeError, as of any object, that tells how to set it."""
    with pytest.raises(AttributeError, match=f'no setting {name!r}.*{re.escape(told)}$'):
        getattr(conf, name)
    assert not hasattr(conf, name)
