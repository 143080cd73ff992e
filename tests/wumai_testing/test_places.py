"""Places in the code."""

import os

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from wumai_testing import places

HERE = __file__.removeprefix(os.getcwd() + os.sep)


def fail() -> None:
    raise ValueError


def test_a_place_below_the_working_directory_is_short() -> None:
    assert places.shown(os.path.join(os.getcwd(), 'a', 'b.py'), 3) == f'a{os.sep}b.py:3'
    assert places.shown('/elsewhere/b.py', 3) == '/elsewhere/b.py:3'


def test_a_function_is_where_it_begins() -> None:
    assert places.of_function(fail) == f'{HERE}:{fail.__code__.co_firstlineno}'
    assert places.of_function(len) is None


def test_an_error_is_where_it_was_raised() -> None:
    """Not where it was caught."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        fail()
    assert places.of_error(raised.value) == f'{HERE}:{fail.__code__.co_firstlineno + 1}'
    assert places.of_error(ValueError()) is None


def test_an_error_of_a_library_is_where_that_was_called() -> None:
    with pytest.raises(ArgumentError) as raised:
        make_url('nonsense')
    assert (places.of_error(raised.value) or '').startswith(f'{HERE}:')
