"""The client of the action API: what a reply says, and what a failed expectation shows."""

import gevent
import pytest
from gevent.event import Event

from wumai import iaas_error, logger
from wumai_testing.clock import VirtualStuck
from wumai_testing.simulation import Simulation, simulation


def describe() -> dict[str, object]:
    logger.info('looking for it')
    raise iaas_error.ResourceNotFound('i-1')


def test_a_failed_expectation_shows_request_answer_and_log(wumai_sim: Simulation) -> None:
    """The log lines are those of the reply's context id alone."""
    wumai_sim.route({'Describe': describe})
    wumai_sim.client.call('Describe', id='i-2')
    reply = wumai_sim.client.post(b'{"action": "Describe"}', {'X-Request-Id': 'mine'})
    assert (reply.ret_code, reply.http_status, reply.context_id) == (4104, 404, 'mine')
    assert reply.data == {'contextId': 'mine', 'resourceId': 'i-1'}
    with pytest.raises(AssertionError) as failure:
        reply.expect(ret_code=0, http=200, message='gone')
    told = str(failure.value).splitlines()
    assert told[:2] == ['retCode is 4104, not 0', 'the HTTP status is 404, not 200']
    assert told[3] == 'request: {"action": "Describe"}'
    assert told[4].startswith('answer:  404 {"retCode": 4104')
    assert [line.split('] ')[-1] for line in told[6:]] == [
        'looking for it',
        '127.0.0.1 Describe 4104 404 0.0ms',
    ]


def test_a_route_that_was_forgotten_is_hinted_at(wumai_sim: Simulation) -> None:
    with pytest.raises(AssertionError, match=r'no route has this action; wumai_sim.route\(routes'):
        wumai_sim.client.call('Describe').expect(ret_code=0)


def test_an_answer_that_lacks_a_key_is_shown(wumai_sim: Simulation) -> None:
    wumai_sim.route({'Ping': lambda: {'pong': 1}})
    with pytest.raises(KeyError, match=r'no .*jobId[\s\S]*pong'):
        wumai_sim.client.call('Ping')['jobId']


def test_an_api_handler_that_never_yields_is_stopped_and_named() -> None:
    """As a job's; and the simulation goes on."""

    def spin() -> dict[str, object]:
        gevent.sleep(5)
        while True:
            pass

    with simulation(stuck_after=0.3) as sim:
        sim.route({'Spin': spin, 'Ping': dict})
        with pytest.raises(VirtualStuck, match=r'api ran for more than 0.3 s.*test_client.py'):
            sim.client.call('Spin')
        sim.client.call('Ping').expect(ret_code=0)


def test_an_api_handler_that_waits_for_ever_fails(wumai_sim: Simulation) -> None:
    """The log says for what, and where."""
    wumai_sim.route({'Wait': lambda: {'set': Event().wait()}})
    reply = wumai_sim.client.call('Wait').expect(ret_code=5000, http=500)
    assert 'VirtualDeadlock: Nothing is left to run' in reply.describe()
