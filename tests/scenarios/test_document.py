"""docs/scenarios.md tells what the format takes, and its examples run."""

import re
from pathlib import Path

import pytest

from wumai_testing.scenario import grammar
from wumai_testing.scenario.outcome import run_simulated
from wumai_testing.scenario.reader import FILE, loads
from wumai_testing.scenario.runner import Runner
from wumai_testing.scenario.workers import OPTIONS
from wumai_testing.scenario.world import simulated_world

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'scenarios.md').read_text()
EXAMPLES = re.findall(r'```yaml\n(.*?)```', TEXT, re.S)
KEYS = [
    *FILE.fields,
    *OPTIONS,
    *grammar.STEP.leads,
    *grammar._EXPECT.fields,
    *grammar._JOB.fields,
    *grammar._RAW.fields,
    *grammar._JOB_COLUMNS,
    *grammar._OPERATION_COLUMNS,
    *grammar.FAULTS,
]


@pytest.mark.parametrize('key', sorted(set(KEYS)))
def test_each_key_is_told(key: str) -> None:
    assert any(re.search(rf'\b{key}\b', code) for code in re.findall('`([^`\n]+)`', TEXT))


@pytest.mark.parametrize('example', EXAMPLES)
def test_each_example_runs(example: str) -> None:
    scenario = loads(example)
    with simulated_world(scenario) as world:
        Runner(scenario, world).run()


def test_a_failure_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second example, with another number of tries expected."""
    [told] = re.findall(r'```\n(scenarios/.*?)```', TEXT, re.S)
    path = Path(told.partition(':')[0])
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(EXAMPLES[1].replace('finished, trys: 2', 'finished, trys: 3'))
    message = run_simulated(path).message
    first, last = told.strip().split('\n...\n')
    assert message.startswith(first)
    assert message.endswith(last)
