"""Slack and SMS: what they send, when they are on, and that they keep their secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import requests
import responses

from wumai.config import Config
from wumai.notify.base import Channel
from wumai.notify.fanout import channels_from
from wumai.notify.post import DeliveryError

SLACK = {'SLACK_WEBHOOK_URL': 'https://slack.invalid/services/T0/B0/hunter2'}
SMS = {
    'NOTIFY_SMS_URL': 'https://sms.invalid/send?secret=hunter2',
    'NOTIFY_SMS_KEY': 'key-hunter2',
    'NOTIFY_SMS_SECRET': 'secret-hunter2',
    'NOTIFY_SMS_MOBILES': '+8613800000000,+8613800000001',
}


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def channels(environ: dict[str, str]) -> list[Channel]:
    conf = Config()
    conf.environ = environ
    return channels_from(conf)


def test_slack_gets_the_text(http: responses.RequestsMock) -> None:
    """As Slack's incoming webhooks take it."""
    http.post(SLACK['SLACK_WEBHOOK_URL'])
    (slack,) = channels(SLACK)
    slack.send('try 2 of 3 failed')
    assert json.loads(http.calls[0].request.body or '') == {'text': 'try 2 of 3 failed'}


def test_slack_is_not_commanded_by_an_error(http: responses.RequestsMock) -> None:
    """Slack reads <!channel> as a call of everybody, unless it is escaped."""
    http.post(SLACK['SLACK_WEBHOOK_URL'])
    (slack,) = channels(SLACK)
    slack.send('<!channel> & co')
    assert json.loads(http.calls[0].request.body or '') == {'text': '&lt;!channel&gt; &amp; co'}


def test_sms_gets_content_receivers_key_and_secret(http: responses.RequestsMock) -> None:
    """The receivers as they were set, the key and the secret as headers."""
    http.post(SMS['NOTIFY_SMS_URL'])
    (sms,) = channels(SMS)
    sms.send('gave up')
    request = http.calls[0].request
    assert json.loads(request.body or '') == {
        'content': 'gave up',
        'tos': '+8613800000000,+8613800000001',
    }
    assert request.headers['X-Le-Key'] == 'key-hunter2'
    assert request.headers['X-Le-Secret'] == 'secret-hunter2'


def test_the_old_name_of_the_sms_url_works() -> None:
    """NOTIFY_SMS_UR is how users of the first wumai have it set."""
    environ = {('NOTIFY_SMS_UR' if name == 'NOTIFY_SMS_URL' else name): SMS[name] for name in SMS}
    assert [channel.name for channel in channels(environ)] == ['sms']


def test_both_are_on_where_all_is_set() -> None:
    """The environment is read when the channels are made."""
    assert [channel.name for channel in channels(SLACK | SMS)] == ['slack', 'sms']
    assert channels({}) == []


@pytest.mark.parametrize('name', SMS)
def test_sms_with_a_variable_missing_is_off(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """And that is said once, since somebody meant it to be on. Empty is missing."""
    assert channels({**SMS, name: ''}) == []
    assert caplog.messages == [f'sms is off: {name} missing']


@pytest.mark.parametrize('status', [301, 400, 403, 429, 500])
def test_another_answer_than_2xx_is_a_failure(http: responses.RequestsMock, status: int) -> None:
    """A redirect too: it would take the secrets to another host."""
    http.post(SLACK['SLACK_WEBHOOK_URL'], status=status, headers={'Location': 'https://x.invalid'})
    (slack,) = channels(SLACK)
    with pytest.raises(DeliveryError, match=f'HTTP {status}'):
        slack.send('a')
    assert len(http.calls) == 1


@pytest.mark.parametrize(
    'error',
    [
        requests.ConnectionError('Max retries exceeded with url: /services/hunter2'),
        requests.exceptions.InvalidHeader('hunter2'),
        UnicodeEncodeError('latin-1', 'hunter2', 0, 1, 'hunter2'),
    ],
)
def test_a_failure_does_not_tell_secrets(http: responses.RequestsMock, error: Exception) -> None:
    """The texts of requests' errors hold the URL, which is all that one needs to post."""
    http.post(SLACK['SLACK_WEBHOOK_URL'], body=error)
    (slack,) = channels(SLACK)
    with pytest.raises(DeliveryError, match=type(error).__name__) as caught:
        slack.send('a')
    assert 'hunter2' not in str(caught.value)


def test_nothing_shows_the_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, nor the debug lines of urllib3, nor the error when nobody listens."""
    caplog.set_level(logging.DEBUG)
    url = 'http://127.0.0.1:9/services/hunter2'
    (slack,) = channels({'SLACK_WEBHOOK_URL': url})
    with pytest.raises(DeliveryError, match=r'ConnectionError \(NewConnectionError\)'):
        slack.send('a')
    logging.getLogger('urllib3.connectionpool').debug('"POST %s HTTP/1.1" 200', '/services/hunter2')
    assert 'hunter2' not in caplog.text + repr(channels(SLACK | SMS))
