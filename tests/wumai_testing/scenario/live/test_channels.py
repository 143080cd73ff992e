"""The server that takes the messages of live scenarios."""

from contextlib import closing
from datetime import datetime

import requests

from wumai_testing.scenario.live.channels import Channels
from wumai_testing.timeline import Timeline


def test_messages_are_kept_and_noted() -> None:
    """By channel; what is posted elsewhere is refused."""
    events = Timeline(lambda: 0, datetime(2026, 1, 1))
    with closing(Channels(events)) as channels:
        environ = channels.environ({'SLACK_WEBHOOK_URL': 'x', 'NOTIFY_SMS_URL': 'y'})
        slack, sms = environ['SLACK_WEBHOOK_URL'], environ['NOTIFY_SMS_URL']
        assert requests.post(slack, json={'text': 'one'}, timeout=5).ok
        assert requests.post(sms, json={'content': 'two'}, timeout=5).ok
        assert requests.post(slack + 'er', json={}, timeout=5).status_code == 404
        assert channels.texts == {'slack': ['one'], 'sms': ['two']}
    assert [(event.kind, event.detail['text']) for event in events] == [
        ('notify', 'one'),
        ('notify', 'two'),
    ]


def test_only_what_a_scenario_sets_is_set() -> None:
    """A channel without an address stays off."""
    with closing(Channels(Timeline(lambda: 0, datetime(2026, 1, 1)))) as channels:
        environ = channels.environ({'NOTIFY_SMS_UR': 'z', 'SLACK_WEBHOOK_URL': '', 'TZ': 'UTC'})
        assert environ['NOTIFY_SMS_UR'].startswith('http://127.0.0.1:')
        assert (environ['SLACK_WEBHOOK_URL'], environ['TZ']) == ('', 'UTC')
        assert 'NOTIFY_SMS_URL' not in environ
