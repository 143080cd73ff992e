"""Secrets do not leave the process."""

import json

import pytest

from wumai.common.secrets import MASK, mask, mask_text

SECRET = 'hunter2'


def test_mask_reaches_into_what_is_nested() -> None:
    """Values under keys of secrets are masked, at any depth, whatever they are."""
    value = {
        'name': 'web-1',
        'rootPassword': SECRET,
        'disks': [{'ACCESS_TOKEN': SECRET}, 'x', ({'clientSecret': {'a': SECRET}},)],
        'apiKey': SECRET,
        'keyName': 'k-1',
    }
    assert mask(value) == {
        'name': 'web-1',
        'rootPassword': MASK,
        'disks': [{'ACCESS_TOKEN': MASK}, 'x', [{'clientSecret': MASK}]],
        'apiKey': MASK,
        'keyName': 'k-1',
    }


def test_mask_leaves_its_argument_alone() -> None:
    """A copy is masked: the handler still needs the value."""
    value = {'password': SECRET}
    mask(value)
    assert value == {'password': SECRET}


def test_mask_ends_on_what_is_too_deep() -> None:
    """What is nested beyond reason is masked, not a RecursionError."""
    value: object = SECRET
    for _ in range(100_000):
        value = [value]
    assert SECRET not in str(mask(value))


@pytest.mark.parametrize(
    'text',
    [
        f'mysql+pymysql://u:{SECRET}@h/db',
        f'mysql://u:p@{SECRET}@h/db',
        f'redis://:{SECRET}@h',
        f'password={SECRET}',
        f'connect(Password = "{SECRET} 2", port=1)',
        f"{{'root_password': '{SECRET} 2', 'a': 1}}",
        f'{{"token": "{SECRET}\\" 2", "a": 1}}',
        f'{{"accessToken":"{SECRET}"}}',
        json.dumps(json.dumps({'secret': SECRET})),
        f'{{"token": "{SECRET} 2',
        f'Authorization: Bearer {SECRET}',
        f'https://h/path?access_token={SECRET}&a=1',
        f'https://h/path?api_key={SECRET}&signature={SECRET}',
        f'{{"apiKey": "{SECRET}", "private-key": "{SECRET} 2"}}',
        f'X-Amz-Credential={SECRET}',
    ],
)
def test_mask_text_hides(text: str) -> None:
    """Passwords in URLs, and the values of what is called password, token, api key and the like."""
    assert SECRET not in mask_text(text)
    assert MASK in mask_text(text)


def test_mask_text_keeps_the_rest() -> None:
    """What is no secret stays to the letter; JSON stays JSON."""
    plain = 'http://127.0.0.1:8080/users/@me: no such user'
    assert mask_text(plain) == plain
    assert mask_text('mysql://u:p@h/db') == 'mysql://u:***@h/db'
    assert json.loads(mask_text('{"token": "x", "a": 1}')) == {'token': MASK, 'a': 1}


@pytest.mark.parametrize(
    'text', ['x' * 10, 'token' * 3, '://a:', 'password="\\', 'secret: ', 'api_key']
)
def test_mask_text_takes_linear_time(text: str) -> None:
    """A text of a megabyte that nearly matches everywhere does not hold the process."""
    mask_text(text * (1_000_000 // len(text)))
