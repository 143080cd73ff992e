"""The health port of a worker. What it answers is asked of processes, in tests/chaos."""

import socket

import pytest

from wumai.error import ConfigError
from wumai.server.health import Health


@pytest.mark.parametrize('port', [-1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    """A ConfigError that names the setting and the port."""
    with pytest.raises(ConfigError, match=rf'^health_port {port}: .*0-65535'):
        Health(port, dict, None).start()  # type: ignore[arg-type]


def test_a_port_that_is_taken() -> None:
    """Likewise."""
    with socket.create_server(('0.0.0.0', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf'^health_port {port}: .*in use'):
            Health(port, dict, None).start()  # type: ignore[arg-type]
