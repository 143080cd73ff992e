"""The journal of what users did."""

import json

import gevent
import pytest

from wumai import db
from wumai.iaas_error import ResourceNotFound
from wumai.model import Job, Operation, journalled


def called(sim, handler, **params):
    """Route and call one action; the reply and the journal."""
    sim.route({'Act': handler})
    reply = sim.client.call('Act', **params)
    return reply, sim.operations


def test_a_success(wumai_sim):
    """Who did what to what, with code 0."""

    @journalled(resource_type='instance', resource_ids='instanceId')
    def handler():
        return {'instanceId': 'i-1'}

    _, (row,) = called(wumai_sim, handler, project_id='p', access_key='k', name='web')
    assert (row.action, row.project_id, row.access_key, row.ret_code, row.ret_message) == (
        'Act', 'p', 'k', 0, '',
    )  # fmt: skip
    assert (row.resource_type, json.loads(row.resource_ids)) == ('instance', ['i-1'])
    assert json.loads(row.params)['name'] == 'web'
    assert row.created == row.updated == wumai_sim.clock.now()
    assert row.id.startswith('op-')
    assert len(row.id) <= 32


@pytest.mark.parametrize(
    ('wanted', 'ids'),
    [
        (None, []),
        ('instanceIds', ['i-1', 'i-2']),
        ('name', ['web']),
        ('nonesuch', []),
        (lambda params, result: [params['name'], *result['instanceIds']], ['web', 'i-1', 'i-2']),
    ],
)
def test_resource_ids(wumai_sim, wanted, ids):
    """Of the result, of the params, or by a function."""

    @journalled(resource_ids=wanted)
    def handler():
        return {'instanceIds': ['i-1', 'i-2']}

    _, (row,) = called(wumai_sim, handler, name='web')
    assert json.loads(row.resource_ids) == ids


def test_a_success_is_one_transaction(wumai_sim):
    """With what the handler does: a job, its rows and the journal together or not at all."""

    @journalled()
    def handler():
        return {'jobId': Job.create('Other'), 'open': db.current_session() is not None}

    wumai_sim.faults.pending.append(('deadlock', 'app'))
    reply, _ = called(wumai_sim, handler)
    assert reply.ret_code == 5000
    assert list(wumai_sim.jobs) == []
    again = wumai_sim.client.call('Act')
    assert again['open'] is True
    assert list(wumai_sim.jobs) == [again['jobId']]
    assert [row.ret_code for row in wumai_sim.operations] == [5000, 0]


@pytest.mark.parametrize(
    ('error', 'code', 'message'),
    [
        (ResourceNotFound('i-1'), 4104, 'i-1'),
        (ValueError('with a secret'), 5000, 'ValueError'),
        (gevent.Timeout(5), 5000, 'Timeout'),
        (SystemExit('with a secret'), 5000, 'SystemExit'),
    ],
)
def test_a_failure(wumai_sim, error, code, message):
    """Is journalled in a transaction of its own; what the handler did is undone."""

    @journalled(resource_type='instance', resource_ids='id')
    def handler():
        Job.create('Other')
        raise error

    reply, (row,) = called(wumai_sim, handler, id='i-1')
    assert (reply.ret_code, row.ret_code) == (code, code)
    assert message in row.ret_message
    assert 'secret' not in row.ret_message
    assert json.loads(row.resource_ids) == ['i-1']
    assert list(wumai_sim.jobs) == []


def test_secrets_are_masked(wumai_sim):
    """Whatever a mapping holds under the key of one, at any depth."""

    @journalled()
    def handler():
        return {}

    _, (row,) = called(wumai_sim, handler, password='p1', deep=[{'apiToken': 'p2'}], name='n')
    assert 'p1' not in row.params
    assert 'p2' not in row.params
    assert json.loads(row.params) == {
        'action': 'Act', 'password': '***', 'deep': [{'apiToken': '***'}], 'name': 'n',
    }  # fmt: skip


@pytest.mark.parametrize(
    'params',
    [
        {'project_id': 'x' * 500, 'access_key': 'y' * 500},
        {'project_id': ['odd'], 'access_key': {'a': 1}},
        {'text': '\0 \ud800 \U0001f600'},
        {'large': 'x' * 200_000},
    ],
)
def test_any_params(wumai_sim, params):
    """Are cut to what the journal holds; they fail no action."""

    @journalled()
    def handler():
        return {}

    reply, rows = called(wumai_sim, handler, **params)
    assert reply.ret_code == 0
    assert len(rows) == 1
    assert len(rows[0].params) <= 65_535


def test_any_message(wumai_sim):
    """Likewise of a failure."""

    @journalled()
    def handler():
        raise ResourceNotFound('\0' + 'ü' * 70_000)

    reply, (row,) = called(wumai_sim, handler)
    assert reply.ret_code == row.ret_code == 4104
    assert len(row.ret_message.encode()) <= 65_535


def test_the_client_hears_of_its_own_error(wumai_sim):
    """And not of a journal that cannot be written."""

    @journalled()
    def handler():
        wumai_sim.faults.down_until = 1e9
        wumai_sim.faults.drop_connections()
        raise ResourceNotFound('i-1')

    wumai_sim.route({'Act': handler})
    assert wumai_sim.client.call('Act').ret_code == 4104
    wumai_sim.faults.down_until = 0


def test_listing(wumai_sim):
    """Newest first, by project and action."""

    @journalled()
    def handler():
        return {}

    wumai_sim.route({'Act': handler, 'Other': handler})
    for project, action in (('p', 'Act'), ('q', 'Act'), ('p', 'Other')):
        wumai_sim.client.call(action, projectId=project)
        wumai_sim.advance(1)
    assert [row.action for row in Operation.list(project_id='p')] == ['Other', 'Act']
    assert [row.project_id for row in Operation.list(action='Act')] == ['q', 'p']
    assert len(Operation.list(limit=1)) == 1
