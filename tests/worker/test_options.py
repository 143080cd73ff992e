"""The options of create_worker."""

import pytest

from wumai.error import ConfigError
from wumai.server import create_worker
from wumai.worker.options import WorkerOptions


def test_the_defaults():
    """As users of the first wumai know them."""
    options = WorkerOptions()
    assert (options.pick_size, options.exec_size, options.exec_timeout) == (10, 10, 600)
    assert (options.poll_interval, options.lease, options.grace) == (2, 60, 25)


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('pick_size', 0),
        ('pick_size', 1.5),
        ('pick_size', True),
        ('exec_size', -1),
        ('exec_size', '10'),
        ('exec_timeout', 0),
        ('exec_timeout', None),
        ('poll_interval', 0),
        ('lease', 2.9),
        ('grace', -1),
        ('grace', float('nan')),
        ('exec_timeout', float('nan')),
        ('lease', float('inf')),
    ],
)
def test_a_wrong_value_is_named(option, value):
    """At the start, and not when it first matters."""
    with pytest.raises(ConfigError, match=f'{option} must be'):
        WorkerOptions(**{option: value})


@pytest.mark.parametrize(
    'options', [{'grace': 0}, {'lease': 3}, {'exec_timeout': 0.5}, {'poll_interval': 0.01}]
)
def test_the_smallest_values(options):
    """No grace at all is a wish that can be had."""
    assert WorkerOptions(**options)


def test_gevent_is_the_only_model():
    """gevent=False says so."""
    with pytest.raises(ConfigError, match='gevent is the only supported'):
        create_worker(gevent=False)
