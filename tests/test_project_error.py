"""Errors about projects and access keys: their codes and what they say."""

import pytest

from wumai import project_error

TABLE = [
    ('AccessKeyExpired', ('AK1',), 4101, 401, {'accessKey': 'AK1'}),
    ('AccessKeyInvalid', ('AK1',), 4101, 401, {'accessKey': 'AK1'}),
    ('ResourceQuotaNotEnough', (10, 8, 3), 4113, 403, {'quota': 10, 'used': 8, 'want': 3}),
    ('ProjectDuplicated', ('prj-1',), 4600, 409, {'projectId': 'prj-1'}),
    ('ManageAccessKeyInvalid', ('AK1',), 4601, 401, {'accessKey': 'AK1'}),
    ('ProjectNotFound', ('prj-1',), 4604, 404, {'projectId': 'prj-1'}),
    ('AccessKeyDuplicated', ('AK1',), 4611, 409, {'accessKey': 'AK1'}),
    ('AccessKeyNotFound', ('AK1',), 4614, 404, {'accessKey': 'AK1'}),
]


@pytest.mark.parametrize(('name', 'arguments', 'code', 'http_status', 'data'), TABLE)
def test_table(name, arguments, code, http_status, data):
    """Each class has its code, HTTP status and data, and names its arguments."""
    error = getattr(project_error, name)(*arguments)
    assert (error.code, error.http_status, error.data) == (code, http_status, data)
    assert all(str(argument) in error.message for argument in arguments)


def test_message_of_ones_own():
    """It goes before the default."""
    assert project_error.ProjectNotFound('prj-1', 'no such tenant').message == 'no such tenant'
