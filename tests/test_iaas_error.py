"""Errors about resources: their codes, what they say, and what an app makes of them."""

import pytest

from wumai import iaas_error
from wumai.error import ActionError

TABLE = [
    ('InvalidRequestParameter', ('bad limit',), 4100, 400, {}),
    ('ResourceNotBelongsToProject', ('i-1',), 4103, 403, {'resourceId': 'i-1'}),
    ('ResourceNotFound', ('i-1',), 4104, 404, {'resourceId': 'i-1'}),
    ('ResourceActionForbiden', ('i-1',), 4105, 409, {'resourceId': 'i-1'}),
    ('ResourceIsBusy', ('i-1',), 4105, 409, {'resourceId': 'i-1'}),
    ('ResourceActionUnsupported', ('i-1',), 4106, 400, {'resourceId': 'i-1'}),
    ('IaasProviderActionError', (ValueError('no host'), 'File x'), 5001, 502, {}),
    ('ActionsPartialSuccessError', ([ValueError('no host')],), 5001, 502, {}),
    (
        'ActionsPartialSuccessError',
        ([ValueError('no host')], [{'id': 'i-1'}]),
        5002,
        502,
        {'results': [{'id': 'i-1'}]},
    ),
    (
        'ActionsPartialSuccessError',
        ([ValueError('no host')], (), 'job-1'),
        5002,
        502,
        {'jobId': 'job-1'},
    ),
]


@pytest.mark.parametrize(('name', 'arguments', 'code', 'http_status', 'data'), TABLE)
def test_table(name, arguments, code, http_status, data):
    """Each class has its code, HTTP status and data, and names its argument."""
    error = getattr(iaas_error, name)(*arguments)
    assert (error.code, error.http_status, error.data) == (code, http_status, data)
    named = {'InvalidRequestParameter': 'bad limit', 'IaasProviderActionError': 'no host'}
    expected = 'no host' if code > 5000 else named.get(name, 'i-1')
    assert expected in error.message
    assert str(error) == error.message


def test_a_partial_success_leaves_its_class_as_it_was():
    """The code of the case without a success is that instance's alone."""
    iaas_error.ActionsPartialSuccessError([ValueError()])
    assert iaas_error.ActionsPartialSuccessError.code == 5002


def test_both_spellings_are_one_class():
    """The users' spelling stays, the dictionary's is welcome."""
    assert iaas_error.ResourceActionForbidden is iaas_error.ResourceActionForbiden


def test_provider_error_keeps_its_cause():
    """The stack is for the log, and a message of one's own goes before the default."""
    cause = ValueError('no host')
    error = iaas_error.IaasProviderActionError(cause, 'File x', 'try later')
    assert (error.exception, error.stacktrace, error.message) == (cause, 'File x', 'try later')


def test_a_cause_that_cannot_be_shown_is_named():
    """An exception whose `__str__` fails does not make a second failure."""

    class Shy(Exception):
        def __str__(self):
            raise RuntimeError

    assert 'Shy' in iaas_error.IaasProviderActionError(Shy(), '').message


def test_subclass_inherits_or_overrides():
    """A subclass has its parent's code unless it sets its own."""

    class InstanceNotFound(iaas_error.ResourceNotFound):
        template = 'there is no instance {}'

    class OutOfStock(ActionError):
        code, http_status = 4901, 503

    error = InstanceNotFound('i-1')
    assert (error.code, error.http_status, error.message) == (4104, 404, 'there is no instance i-1')
    assert (OutOfStock('gpu').code, OutOfStock('gpu').http_status) == (4901, 503)


@pytest.mark.parametrize(('name', 'value'), [('code', '4901'), ('http_status', 42)])
def test_a_class_that_cannot_be_answered_is_refused_where_it_is_written(name, value):
    """Not when the first client meets it."""
    with pytest.raises(TypeError, match=rf'Odd\.{name}'):
        type('Odd', (ActionError,), {name: value})
