"""The wire format, without a server."""

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

import pytest

from wumai import iaas_error
from wumai.api import envelope
from wumai.api.envelope import BadResult, MalformedRequest
from wumai.error import ActionError
from wumai.store.db_errors import Unavailable


@pytest.mark.parametrize(
    ('body', 'params'),
    [
        (b'{"action": "A"}', {'action': 'A'}),
        (b' \r\n\t{"action": "A"} \n', {'action': 'A'}),
        (b'\xef\xbb\xbf{"action": "A"}', {'action': 'A'}),
        ('{"action": "A", "name": "磨"}'.encode(), {'action': 'A', 'name': '磨'}),
        (b'{"action": "A", "x": 1, "x": 2}', {'action': 'A', 'x': 2}),
        (b'{"action": "B", "action": "A"}', {'action': 'A'}),
        (b'{"action": "A", "x": "\\ud800"}', {'action': 'A', 'x': '\ud800'}),
        (b'{"action": "A", "x": "\\u0000"}', {'action': 'A', 'x': '\0'}),
        (b'{"action": "A", "x": [1e3, -0.5, 12345678901234567890]}', None),
        (b'{"action": "A", "x": ' + b'9' * 4300 + b'}', None),
        (b'{"action": "A", "x": ' + b'[' * 500 + b']' * 500 + b'}', None),
    ],
)
def test_read_call(body, params):
    """What is JSON is read as JSON; of doubled keys the last wins."""
    call = envelope.read_call(body)
    assert call.action == 'A'
    assert params is None or call.params == params


MALFORMED = {
    'empty': b'',
    'blank': b' \n',
    'not UTF-8': b'{"action": "\xff"}',
    'UTF-16': '{"action": "A"}'.encode('utf-16'),
    'UTF-16 without a mark': '{"action": "A"}'.encode('utf-16-le'),
    'Latin-1': '{"action": "é"}'.encode('latin-1'),
    'a surrogate in UTF-8': b'{"action": "\xed\xa0\x80"}',
    'an overlong form': b'{"action": "\xc0\x80"}',
    'a mark alone': b'\xef\xbb\xbf',
    'no JSON': b'action=A',
    'cut off': b'{"action": "A"',
    'two values': b'{"action": "A"}{"action": "A"}',
    'single quotes': b"{'action': 'A'}",
    'a comma too many': b'{"action": "A",}',
    'a comment': b'{"action": "A" /* a */}',
    'NUL': b'\0',
    'NUL bytes after it': b'{"action": "A"}\0\0',
    'NUL in a string': b'{"action": "A\0"}',
    'a line break in a string': b'{"action": "A\n"}',
    'arrays 100,000 deep': b'[' * 100_000,
    'arrays 100,000 deep and closed': b'[' * 100_000 + b']' * 100_000,
    'objects 100,000 deep': b'{"a":' * 100_000 + b'1' + b'}' * 100_000,
    'deep in params': b'{"action": "A", "x": ' + b'[' * 100_000 + b']' * 100_000 + b'}',
    'an int of 5,000 digits': b'{"action": "A", "x": ' + b'9' * 5000 + b'}',
    'a float beyond all': b'{"action": "A", "x": 1e999}',
    'a negative float beyond all': b'{"action": "A", "x": -1e999}',
    'a float of 5,000 digits': b'{"action": "A", "x": ' + b'9' * 5000 + b'.5}',
    'NaN': b'{"action": "A", "x": NaN}',
    'Infinity': b'{"action": "A", "x": Infinity}',
    '-Infinity': b'{"action": "A", "x": -Infinity}',
    'hexadecimal': b'{"action": "A", "x": 0x10}',
    'a leading zero': b'{"action": "A", "x": 01}',
    'an array': b'["A"]',
    'an array of calls': b'[{"action": "A"}]',
    'a string': b'"A"',
    'a number': b'7',
    'null': b'null',
    'true': b'true',
    'no action': b'{}',
    'an action with other case': b'{"Action": "A"}',
    'an empty action': b'{"action": ""}',
    'a null action': b'{"action": null}',
    'a number as action': b'{"action": 7}',
    'true as action': b'{"action": true}',
    'an array as action': b'{"action": ["A"]}',
    'an object as action': b'{"action": {"A": 1}}',
}


@pytest.mark.parametrize('body', MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(body):
    """All else is MalformedRequest and no other exception, in words that do not echo the body."""
    with pytest.raises(MalformedRequest) as caught:
        envelope.read_call(body)
    assert (caught.value.code, caught.value.http_status) == (4110, 400)
    assert len(caught.value.message) < 200
    assert 'sys.' not in caught.value.message


@pytest.mark.parametrize(
    'content_type',
    [
        None,
        '',
        'application/json',
        'Application/JSON',
        'application/json; charset=utf-8',
        'application/json;charset=latin-1',
        'application/problem+json',
        'application/vnd.api+json; version=1',
    ],
)
def test_content_types(content_type):
    """JSON of any kind and charset, and none at all."""
    envelope.check_content_type(content_type)


@pytest.mark.parametrize(
    'content_type',
    [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=json',
        'application/jsonp',
        'text/json',
        'application/xml; a=application/json',
        ';',
        'json',
    ],
)
def test_other_content_types(content_type):
    """415."""
    with pytest.raises(MalformedRequest) as caught:
        envelope.check_content_type(content_type)
    assert (caught.value.code, caught.value.http_status) == (4110, 415)


class Color(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ('value', 'written'),
    [
        (datetime(2026, 1, 31, 23, 59, 59), '2026-01-31T23:59:59Z'),
        (datetime(2026, 1, 31, 23, 59, 59, 120), '2026-01-31T23:59:59.000120Z'),
        (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), '2026-01-31T23:59:59Z'),
        (
            datetime(2026, 2, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))),
            '2026-01-31T23:00:00Z',
        ),
        (date(2026, 1, 31), '2026-01-31'),
        (Decimal('1.10'), '1.10'),
        (UUID(int=7), '00000000-0000-0000-0000-000000000007'),
        ((1, 2), [1, 2]),
        (Color.RED, 1),
        (10**30, 10**30),
        ('磨', '磨'),
        ('\0\u2028', '\0\u2028'),
        ('\ud800', '\ud800'),
        (
            {1: 'a', 1.5: 'b', False: 'c', None: 'd'},
            {'1': 'a', '1.5': 'b', 'false': 'c', 'null': 'd'},
        ),
    ],
)
def test_results(value, written):
    """What JSON has no form for is text, and a time is in UTC."""
    answer = envelope.success({'value': value})
    assert (answer.code, answer.http_status) == (0, 200)
    assert json.loads(answer.body) == {'value': written}


def test_a_result_is_sent_as_it_is():
    """No envelope around it; retCode is the app's if it has one."""
    assert envelope.success({}).body == b'{}\n'
    assert envelope.success(OrderedDict(b=1, a=2)).body == b'{"b": 1, "a": 2}\n'
    assert envelope.success({'retCode': 4104}) == (0, 200, b'{"retCode": 4104}\n')


def test_utf8():
    """Text is sent as UTF-8, but what has none is escaped."""
    assert envelope.success({'x': '磨'}).body == '{"x": "磨"}\n'.encode()
    assert envelope.success({'x': 'a\\\ud800b'}).body == b'{"x": "a\\\\\\ud800b"}\n'


def test_pretty():
    """Indented."""
    assert envelope.success({'x': 1}, pretty=True).body == b'{\n  "x": 1\n}\n'


def circle():
    value = {}
    value['self'] = value
    return value


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


BAD_RESULTS = {
    'None': None,
    'list': [],
    'str': 'text',
    'pairs': [('a', 1)],
    'NaN': {'x': float('nan')},
    'infinity': {'x': [float('inf')]},
    'NaN as key': {float('nan'): 1},
    'object': {'x': object()},
    'set': {'x': {1}},
    'bytes': {'x': b'1'},
    'exception': {'x': ValueError()},
    'enum': {'x': Enum('E', 'a').a},
    'tuple as key': {(1, 2): 3},
    'date as key': {date(2026, 1, 1): 1},
    'bytes as key': {b'a': 1},
    'circle': circle(),
    'deep': {'x': deep()},
    'early': {'x': datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))},
    'long': {'x': 10**5000},
}


@pytest.mark.parametrize('result', BAD_RESULTS.values(), ids=BAD_RESULTS.keys())
def test_bad_results(result):
    """No dict, or no JSON: BadResult, which is answered with 5000."""
    with pytest.raises(BadResult) as caught:
        envelope.success(result)
    assert envelope.failure(caught.value, 'c')[:2] == (5000, 500)


def told(error, **options):
    answer = envelope.failure(error, 'ctx', **options)
    body = json.loads(answer.body)
    assert body['retCode'] == answer.code
    return answer.http_status, body


def test_a_database_that_is_away():
    """Is told by 503, whatever a driver says of it."""
    http_status, body = told(Unavailable('no answer of db.secret.invalid'))
    assert (http_status, body['retCode']) == (503, 5000)
    assert body['message'] == 'the database is away or busy: ask again later'


def test_failure():
    """Code, message, and data beside the context id."""
    http_status, body = told(iaas_error.ResourceNotFound('i-1'))
    assert http_status == 404
    assert body == {
        'retCode': 4104,
        'message': 'resource i-1 is not found',
        'data': {'contextId': 'ctx', 'resourceId': 'i-1'},
    }


@pytest.mark.parametrize('error', [ValueError('pw=1'), SystemExit('pw=1'), MemoryError()])
def test_other_exceptions_are_not_told(error):
    """A client learns that there was an error, and where to look."""
    http_status, body = told(error)
    assert (http_status, body['retCode']) == (500, 5000)
    assert body['data'] == {'contextId': 'ctx'}
    assert 'pw' not in body['message']


def test_debug():
    """The traceback, the provider's too, and only with debug."""
    error = iaas_error.IaasProviderActionError(ValueError('no host'), 'THEIR STACK')
    try:
        raise error
    except ActionError:
        shown = told(error, debug=True)[1]['data']['exceptionStr']
    assert shown.startswith('Traceback')
    assert 'IaasProviderActionError: the provider failed: ValueError: no host' in shown
    assert shown.endswith('THEIR STACK')
    assert told(error)[1]['data'] == {'contextId': 'ctx'}


def test_data_of_an_error_are_told_as_well_as_can_be():
    """What has no form in JSON is text, or left out; the code is the error's all the same."""
    cause = ValueError('no host')
    partial = iaas_error.ActionsPartialSuccessError([cause], [cause, Decimal(1)])
    assert told(partial)[1]['data']['results'] == ['no host', '1']
    http_status, body = told(iaas_error.ResourceNotFound(float('nan')))
    assert (http_status, body['retCode'], body['data']) == (404, 4104, {'contextId': 'ctx'})


def test_an_error_that_skipped_its_base():
    """An app's class that does not call our constructor is answered too."""

    class Bare(iaas_error.ResourceNotFound):
        def __init__(self, text):
            Exception.__init__(self, text)

    assert told(Bare('gone'))[1]['message'] == 'Bare: gone'


@pytest.mark.parametrize('text', ['a', 'A-z_0.9', 'x' * 64])
def test_context_ids(text):
    """Those that a client may choose."""
    assert envelope.is_context_id(text)


@pytest.mark.parametrize('text', ['', 'x' * 65, 'a b', 'é', 'a\n', 'a/b', '٣'])
def test_other_context_ids(text):
    """The rest could forge a log line."""
    assert not envelope.is_context_id(text)
