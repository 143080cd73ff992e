"""What a module offers to the explorer."""

from datetime import date
from types import ModuleType
from typing import Any

import pytest

from tests.wumai_testing.explore import disks
from wumai.error import WumaiError
from wumai_testing.explore import invariant
from wumai_testing.explore.application import App, load_app


def module(**values: Any) -> ModuleType:
    made = ModuleType('made')
    vars(made).update(values)
    return made


@invariant
def without_session() -> None:
    """As one is easily written."""


@invariant
async def asynchronous(_session: Any) -> None:
    """Its answer would be a coroutine, which is not False."""


@pytest.mark.parametrize('named', [disks, disks.__name__])
def test_an_app_by_its_module_or_its_name(named: Any) -> None:
    app = load_app(named)
    assert app.name == disks.__name__
    assert app.actions == ['CreateInstance']
    assert list(app.invariants) == [disks.an_instance_has_one_disk]
    assert load_app(app) is app


def test_examples_of_jobs_may_hold_what_job_create_takes() -> None:
    assert load_app(module(job_routes={'A': print}, examples={'A': [{'n': date.max}]}))


@pytest.mark.parametrize(
    ('named', 'told'),
    [
        ('no.such.module', "there is no module 'no'"),
        ('json', 'json has no `job_routes'),
        (module(job_routes={}), 'made has no `job_routes'),
        (module(job_routes={'A': lambda: None}), "the handler of 'A' is called with one argument"),
        (module(job_routes={'A': print}, examples={'B': [{}]}), '`examples` of B'),
        (module(job_routes={'A': print}, examples={'A': {'n': 1}}), "examples['A'] is to be a"),
        (module(job_routes={'A': print}, examples={'A': ['n']}), "examples['A'] is to be a list"),
        (
            module(job_routes={'A': print}, examples={'A': [{}, {'n': {1}}]}),
            "made: examples['A'][1] is not JSON: ",
        ),
        (
            module(job_routes={'A': print}, routes={'A': int}, examples={'A': [{'n': date.max}]}),
            "made: examples['A'][0] is not JSON: ",
        ),
        (
            module(job_routes={'A': print}, check=without_session),
            'test_application.without_session (tests/wumai_testing/explore/test_application.py:',
        ),
        (module(job_routes={'A': print}, check=without_session), 'one argument, the session (too'),
        (module(job_routes={'A': print}, check=asynchronous), 'is async'),
    ],
)
def test_what_is_no_app(named: App | ModuleType | str, told: str) -> None:
    with pytest.raises(WumaiError) as error:
        load_app(named)
    assert told in str(error.value)
