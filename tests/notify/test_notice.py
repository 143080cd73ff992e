"""What is told of a failed try."""

from datetime import datetime

import pytest

from wumai.notify.base import ERROR_LENGTH, Notice


def notice(error: str, next_try: datetime | None = None) -> Notice:
    return Notice('CreateInstance', 'job-1', 2, 3, error, next_try)


def test_it_names_the_next_try() -> None:
    """Action, id, try n of m, the error, and when it is tried again."""
    assert notice('boom', datetime(2026, 1, 1, 0, 10)).text == (
        'CreateInstance job-1 try 2 of 3 failed: boom; next try 2026-01-01 00:10:00 UTC'
    )


def test_it_says_that_the_job_gave_up() -> None:
    """Without a next try."""
    assert notice('boom').text == 'CreateInstance job-1 try 2 of 3 failed: boom; gave up'


@pytest.mark.parametrize('error', ['first\nsecond', '\n first\r\nsecond', 'first\u2028second'])
def test_only_the_first_line_is_told(error: str) -> None:
    """A traceback is for the log."""
    assert notice(error).text.endswith('failed: first; gave up')


def test_a_long_error_is_cut() -> None:
    """A message stays readable on a phone."""
    assert 'x' * (ERROR_LENGTH - 1) + '…; gave up' in notice('x' * 10_000).text


def test_it_has_no_secret_and_nothing_unprintable() -> None:
    """Also where the cut would hide the end of the secret's quotes."""
    text = notice('a\0b\udc80 password="' + 'hunter2 ' * 100).text
    assert 'hunter2' not in text
    assert text.isprintable()
    assert 'mysql://u:***@h/db' in notice('mysql://u:hunter2@h/db').text


def test_an_error_without_text_is_told_too() -> None:
    """str() of an exception may be empty."""
    assert notice('').text == 'CreateInstance job-1 try 2 of 3 failed: ; gave up'
