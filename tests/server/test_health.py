"""The health port of a worker. What it answers is asked of processes, in tests/chaos."""

import pytest

from wumai.error import ConfigError
from wumai.server.health import Health


@pytest.mark.parametrize('port', [-1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    """A ConfigError that names the setting, as for one that is taken."""
    with pytest.raises(ConfigError, match=r'^health_port: .*0-65535'):
        Health(port, dict, None).start()  # type: ignore[arg-type]
