"""Each scenario fails when the behaviour that it names is broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.breaks import BREAKS
from wumai_testing import simulation
from wumai_testing.scenario.outcome import FAILED, PASSED, run_simulated

ROOT = Path(__file__).parents[2] / 'scenarios'
TABLE = Path(__file__).with_name('noticed.txt')


def _table() -> Iterator[tuple[str, str]]:
    """Breaks, each with one scenario that must notice it."""
    what = ''
    for line in TABLE.read_text().splitlines():
        if line.startswith('    '):
            yield what, line.strip()
        elif line and not line.startswith('#'):
            what = line


def test_each_scenario_is_named_and_each_break_is_noticed() -> None:
    files = {str(path.relative_to(ROOT).with_suffix('')) for path in ROOT.rglob('*.yaml')}
    assert {scenario for _, scenario in _table()} == files
    assert {what for what, _ in _table()} == set(BREAKS)


@pytest.mark.parametrize(
    ('what', 'scenario'), [pytest.param(*row, id=f'{row[0]}: {row[1]}') for row in _table()]
)
def test_a_break_is_noticed(what: str, scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / f'{scenario}.yaml'
    # What never ends is noticed after some minutes, where a file names no other time.
    monkeypatch.setattr(simulation, 'FOREVER', '10m')
    whole = run_simulated(path)
    assert whole.status == PASSED, whole.message
    BREAKS[what](monkeypatch)
    broken = run_simulated(path)
    assert broken.status == FAILED
    assert ': step `' in broken.message, 'it is a step that fails, not the runner'
