"""What a module offers to the explorer."""

from types import ModuleType
from typing import Any

import pytest

from tests.wumai_testing.explore import disks
from wumai.error import WumaiError
from wumai_testing.explore.application import App, load_app


def module(**values: Any) -> ModuleType:
    made = ModuleType('made')
    vars(made).update(values)
    return made


@pytest.mark.parametrize('named', [disks, disks.__name__])
def test_an_app_by_its_module_or_its_name(named: Any) -> None:
    app = load_app(named)
    assert app.name == disks.__name__
    assert app.actions == ['CreateInstance']
    assert list(app.invariants) == [disks.an_instance_has_one_disk]
    assert load_app(app) is app


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
    ],
)
def test_what_is_no_app(named: App | ModuleType | str, told: str) -> None:
    with pytest.raises(WumaiError) as error:
        load_app(named)
    assert told in str(error.value)
