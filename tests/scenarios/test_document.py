"""docs/scenarios.md tells what the format takes, and its examples run."""

import re
from pathlib import Path

import pytest

from wumai_testing.scenario import grammar
from wumai_testing.scenario.reader import FILE, loads
from wumai_testing.scenario.runner import Runner
from wumai_testing.scenario.workers import OPTIONS
from wumai_testing.scenario.world import simulated_world

TEXT = (Path(__file__).parents[2] / 'docs' / 'scenarios.md').read_text()
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
