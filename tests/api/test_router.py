"""Routes: which handler does an action."""

import pytest

from wumai.api.router import Router, UnknownAction
from wumai.error import ConfigError


def hello():
    return {}


def other():
    return {}


async def later():
    return {}


def test_find():
    """The handler that was routed."""
    router = Router()
    router.route({'Hello': hello})
    router.route({'Other': other})
    assert router.find('Hello') is hello
    assert dict(router.handlers) == {'Hello': hello, 'Other': other}


@pytest.mark.parametrize('action', ['hello', 'Hello ', 'Hell\0', '__class__'])
def test_unknown(action):
    """4000, with the action in message and data."""
    router = Router()
    router.route({'Hello': hello})
    with pytest.raises(UnknownAction) as caught:
        router.find(action)
    assert (caught.value.code, caught.value.http_status) == (4000, 404)
    assert caught.value.data == {'action': action}
    assert action in caught.value.message


def test_a_long_unknown_action_is_cut():
    """An answer is not as long as the body that asked for it."""
    with pytest.raises(UnknownAction) as caught:
        Router().find('x' * 100_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ('routes', 'said'),
    [
        ({'Hello': 'hello'}, "'Hello' cannot be called"),
        ({'Hello': None}, "'Hello' cannot be called"),
        ({'Job': lambda job: {}}, r"'Job' is called without an argument \(missing .*router.py:"),
        ({7: hello}, 'not by 7'),
        ({'': hello}, "not by ''"),
        ({'Later': later}, "'Later' is async"),
        (
            {'Known': other},
            r"'Known' has two handlers: .*test_router.py:\d+ and .*test_router.py:\d+$",
        ),
    ],
)
def test_bad_routes(routes, said):
    """A clear error, and nothing of the routes is taken."""
    router = Router()
    router.route({'Known': hello})
    with pytest.raises(ConfigError, match=said):
        router.route({'Fine': hello, **routes})
    assert dict(router.handlers) == {'Known': hello}


def test_routes_are_a_mapping():
    """A list is refused by what it is."""
    with pytest.raises(ConfigError, match=r'routes are a dict of actions and handlers, not \[1\]'):
        Router().route([1])


def test_the_same_route_again_is_no_harm():
    """Two modules may share a table of routes."""
    router = Router()
    router.route({'Known': hello})
    router.route({'Known': hello})
    assert router.find('Known') is hello
