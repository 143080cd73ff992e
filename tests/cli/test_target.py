"""`module:name` on the command line."""

import sys
from pathlib import Path

import pytest

from wumai.cli.target import TargetError, load, load_any


class Thing:
    """What a test asks for."""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the module `shop` in the working directory, with two things and a factory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.delitem(sys.modules, 'shop', raising=False)
    file = tmp_path / 'shop.py'
    file.write_text(
        f'from {__name__} import Thing\n'
        'thing = Thing()\n'
        'class inner:\n    thing = thing\n'
        'def make():\n    return Thing()\n'
        'def break_down():\n    raise OSError("no disk")\n'
        'number = 7\n'
    )
    return file


@pytest.mark.parametrize('target', ['shop:thing', 'shop', 'shop:make()', 'shop:inner.thing'])
@pytest.mark.usefixtures('module')
def test_found(target: str) -> None:
    """By name, by the name of its kind, made by a function, or deeper down."""
    assert isinstance(load(target, Thing, 'create_thing'), Thing)


@pytest.mark.usefixtures('module')
def test_a_module_alone() -> None:
    """The first name that it has; the error is about the first one."""
    assert isinstance(load_any('shop', 'worker', 'thing'), Thing)
    with pytest.raises(TargetError, match="shop has no 'worker'"):
        load_any('shop', 'worker', 'api')


@pytest.mark.parametrize(
    ('target', 'told'),
    [
        ('shop:thnig', "shop has no 'thnig': did you mean 'thing'?"),
        ('shop:zzz', "shop has no 'zzz'"),
        ('shop:number', 'shop:number is a int, not what create_thing() returns'),
        ('shop:number()', 'shop:number cannot be called: write it without ()'),
        ('shop:make', 'shop:make is a function: write shop:make() to call it'),
        ('shop.deep:thing', "there is no module 'shop.deep' in "),
        ('nowhere:thing', "there is no module 'nowhere' in "),
        ('shop/thing', "'shop/thing' is not in the form module:name or module:factory()"),
        (':thing', "':thing' is not in the form"),
    ],
)
@pytest.mark.usefixtures('module')
def test_refused(target: str, told: str) -> None:
    """What cannot be had is told, and the nearest name."""
    with pytest.raises(TargetError) as caught:
        load(target, Thing, 'create_thing')
    assert str(caught.value).startswith(told)


def test_a_factory_that_fails(module: Path) -> None:
    """Its error is told with its place."""
    with pytest.raises(TargetError) as caught:
        load('shop:break_down()', Thing, 'create_thing')
    assert str(caught.value) == f'shop:break_down(): {module}:8: OSError: no disk'


@pytest.mark.parametrize(
    ('code', 'told'),
    [
        ('\nimport not_there', "{}:2: ModuleNotFoundError: No module named 'not_there'"),
        ('import json\njson.loads("{{")', '{}:2: JSONDecodeError: Expecting property name'),
        ('def f(:', 'SyntaxError: invalid syntax (shop.py, line 1)'),
    ],
)
def test_a_module_that_fails_tells_where(module: Path, code: str, told: str) -> None:
    """An error inside of it is not taken for its absence; the place is the app's own line."""
    module.write_text(code.replace('{{', '{'))
    with pytest.raises(TargetError) as caught:
        load('shop:thing', Thing, 'create_thing')
    assert str(caught.value).startswith('cannot import shop: ' + told.format(module))
