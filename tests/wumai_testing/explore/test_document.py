"""docs/simulation.md: its app has the mistake that it tells of, at the line that it tells."""

import importlib
import re
from pathlib import Path

import pytest

from tests.wumai_testing.explore.plans import second_disk
from wumai_testing.explore.application import load_app
from wumai_testing.explore.checkers import CHECKERS
from wumai_testing.explore.driver import run
from wumai_testing.explore.exploring import again
from wumai_testing.explore.many import Settings
from wumai_testing.explore.report import handler_line

TEXT = (Path(__file__).parents[3] / 'docs' / 'simulation.md').read_text()


def test_the_app_breaks_its_invariant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code, *_) = re.findall(r'```python\n(.*?)```', TEXT, re.S)
    (tmp_path / 'disks.py').write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    app = load_app(importlib.import_module('disks'))
    result = run(second_disk(), app)
    assert result.broken is not None
    assert result.broken.invariant == 'disks.an_instance_has_one_disk'
    assert f'handler: {handler_line(result, app)}' in TEXT
    settings = Settings('disks', kinds=['crash'], options={'exec_timeout': 60})
    (seed,) = re.findall(r'^seed (\d+) breaks', TEXT, re.M)
    found = run(settings.plan(int(seed), app), app)
    assert found.broken is not None
    assert f'{again(found, settings)}\n```' in TEXT


def test_each_invariant_is_told() -> None:
    numbers = {n for one in CHECKERS for n in re.findall(r'\d+', one.invariant.partition(':')[0])}
    assert numbers == {str(number) for number in range(1, 13)}
    assert all(re.search(rf'^{number}\. ', TEXT, re.M) for number in numbers)
