"""The JSON Schema says what the grammar says, and cannot drift from it."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from wumai_testing.scenario import schema
from wumai_testing.scenario.errors import ScenarioError
from wumai_testing.scenario.reader import loads
from wumai_testing.scenario.yaml_source import Source, plain

VALIDATOR = Draft202012Validator(schema.build())

GOOD_STEPS = [
    '{call: {action: X}}',
    '{call: {action: X, n: 1, deep: {a: [null, true, 0.5, $$x]}}, expect: {http: 404}}',
    '{call: {action: X}, expect: {retCode: any, body: {a: [absent, "~^x", \\any]}}}',
    '{call: {action: X}, save: {id: body.jobId, code: retCode}}',
    '{post: {body: "{", repeat: 100000}, expect: {http: 400, message: ~JSON}}',
    '{post: {base64: "/w==", method: PUT, path: "/?pretty", headers: {X-Request-Id: abc}}}',
    '{post: {}}',
    '{job: {as: a, action: X, params: {n: 1}, try_period: 60, try_max: 0, run_at: +10m}}',
    '{job: {action: X, params: "{bad", project_id: null, try_period: 10m, run_at: -1h30m}}',
    '{job: {action: X, params: null, try_period: null, try_max: null, run_at: 2026-02-28}}',
    '{job: {action: X, run_at: 2026-03-29T02:30:00+02:00, try_period: -5}}',
    '{advance: 1h30m}',
    '{advance: 0.5s}',
    '{run: idle}',
    '{run: idle, within: 30d}',
    '{cancel: made}',
    '{retry: $made}',
    '{crash: w1}',
    '{stall: {worker: w1, for: 2m}}',
    '{stop: w1}',
    '{start: w12}',
    '{database: {down: 30s}}',
    '{database: {hang: 30s}}',
    '{database: {next: lost_after_commit, by: w1}}',
    '{database: {next: deadlock, by: api}}',
    '{slack: {down: 5m}}',
    '{sms: {hang: 5m}}',
    '{expect: {slack: 2, sms: [], running: 0}}',
    '{expect: {slack: ["gave up", ~try 2, any], operations: [{action: X, ret_code: 0}]}}',
    '{expect: {jobs: {made: {status: finished, result: {a: 1}, run_at: any, error: null}}}}',
    '{expect: {jobs: {$made: absent}, runs: {made: [0s, 10m]}}}',
    '{expect: {jobs: {made: {try_period: 10m, created: 2026-01-01T00:00:00Z, id: $made}}}}',
]

BAD_STEPS = [
    '{}',
    'crash',
    '{jobb: {action: X}}',
    '{call: X}',
    '{call: {}}',
    '{call: {action: 5}}',
    '{call: {action: X, cost: $5}}',
    '{call: {action: X}, expect: {}}',
    '{call: {action: X}, expect: {code: 5}}',
    '{call: {action: X}, expect: {http: 20}}',
    '{call: {action: X}, save: {id: reply.jobId}}',
    '{call: {action: X}, save: {a-b: body.jobId}}',
    '{call: {action: X}, within: 3d}',
    '{post: {body: x, base64: eA==}}',
    '{post: {body: {a: 1}}}',
    '{post: {repeat: 0}}',
    '{post: {path: x}}',
    '{post: {headers: {A: 1}}}',
    '{job: {}}',
    '{job: {action: X, trys: 3}}',
    '{job: {action: X, run_at: 10m}}',
    '{job: {action: X, run_at: 10}}',
    '{job: {action: X, try_period: soon}}',
    '{job: {action: X, try_max: 1.5}}',
    '{job: {action: X, params: [1]}}',
    '{job: {action: X, as: a-b}}',
    '{job: {action: X}, expect: {slack: 1}}',
    '{advance: 10}',
    '{advance: "10"}',
    '{advance: -10m}',
    '{advance: 10m, run: idle}',
    '{run: until idle}',
    '{run: idle, within: 5}',
    '{cancel: [a]}',
    '{retry: 5}',
    '{crash: worker1}',
    '{stall: w1}',
    '{stall: {worker: w1}}',
    '{stall: {worker: w1, for: 5}}',
    '{start: api}',
    '{database: {down: 30}}',
    '{database: {down: 30s, hang: 30s}}',
    '{database: {down: 30s, by: w1}}',
    '{database: {next: crash}}',
    '{slack: {next: deadlock}}',
    '{expect: {}}',
    '{expect: {slak: 1}}',
    '{expect: {slack: -1}}',
    '{expect: {slack: [absent]}}',
    '{expect: {running: none}}',
    '{expect: {jobs: {}}}',
    '{expect: {jobs: {made: {}}}}',
    '{expect: {jobs: {made: {state: finished}}}}',
    '{expect: {jobs: {made: {status: done}}}}',
    '{expect: {jobs: {made: finished}}}',
    '{expect: {runs: {made: 0s}}}',
    '{expect: {runs: {made: [0]}}}',
    '{expect: {operations: [{code: 0}]}}',
]

STEPS = 'steps: [{run: idle}]'
GOOD_FILES = [
    f'{{scenario: x, {STEPS}}}',
    f'{{scenario: x, app: a.b_c, start: 2026-01-01T00:00:00Z, workers: 0, {STEPS}}}',
    f'{{scenario: x, worker: {{exec_timeout: 10m, pick_size: 3}}, env: {{A: ""}}, {STEPS}}}',
]
BAD_FILES = [
    '[]',
    '{}',
    'scenario',
    '{scenario: x}',
    f'{{{STEPS}}}',
    '{scenario: x, steps: []}',
    '{scenario: x, steps: {run: idle}}',
    f'{{scenario: "", {STEPS}}}',
    f'{{scenario: 5, {STEPS}}}',
    f'{{scenario: x, app: my app, {STEPS}}}',
    f'{{scenario: x, start: today, {STEPS}}}',
    f'{{scenario: x, workers: two, {STEPS}}}',
    f'{{scenario: x, workers: -1, {STEPS}}}',
    f'{{scenario: x, worker: {{exec_time: 5}}, {STEPS}}}',
    f'{{scenario: x, worker: {{pick_size: 10m}}, {STEPS}}}',
    f'{{scenario: x, env: {{A: 1}}, {STEPS}}}',
    f'{{scenario: x, author: me, {STEPS}}}',
]


def with_step(step: str) -> str:
    return f"""
scenario: one step
steps:
- {{job: {{as: made, action: X}}}}
- {step}
"""


def is_valid(text: str) -> bool:
    return VALIDATOR.is_valid(plain_of(text))


@pytest.mark.parametrize('text', [*map(with_step, GOOD_STEPS), *GOOD_FILES])
def test_what_the_grammar_takes_is_valid(text: str) -> None:
    """The good documents, for both."""
    loads(text)
    assert is_valid(text)


@pytest.mark.parametrize('text', [*map(with_step, BAD_STEPS), *BAD_FILES])
def test_what_the_grammar_refuses_is_invalid(text: str) -> None:
    """The bad documents, for both."""
    with pytest.raises(ScenarioError):
        loads(text)
    assert not is_valid(text)


def test_the_file_that_is_shipped_is_the_one_that_the_grammar_makes() -> None:
    """After a change of the grammar: python -m wumai_testing.scenario.schema."""
    assert schema.SCHEMA_FILE.read_text(encoding='utf-8') == schema.as_text()


def test_it_is_a_json_schema() -> None:
    """By the rules of its own draft."""
    Draft202012Validator.check_schema(json.loads(schema.as_text()))


def test_every_key_has_a_description() -> None:
    """So that an editor has something to show."""
    missing = [path for path, key in keys_of(schema.build(), '') if 'description' not in key]
    assert missing == []


WRONG = [None, 5, -1, 1.5, True, '', 'x', '10m', 'any', '~x', '$made', 'w1', [], {}, [1], {'a': 1}]


@pytest.mark.parametrize('text', [*map(with_step, GOOD_STEPS), *GOOD_FILES])
def test_what_the_schema_refuses_the_grammar_refuses(text: str) -> None:
    """Each value of a good document replaced by others; the grammar never fails otherwise."""
    root = plain_of(text)
    for number, path in enumerate(paths_of(root)):
        for wrong in (WRONG[number % len(WRONG)], WRONG[(number * 7 + 3) % len(WRONG)]):
            document = replaced(root, path, wrong)
            assert VALIDATOR.is_valid(document) or not is_taken(json.dumps(document))


def plain_of(text: str) -> object:
    root = Source(text, 'x.yaml').parse()
    assert root is not None
    return plain(root)


def is_taken(text: str) -> bool:
    try:
        loads(text)
    except ScenarioError:
        return False
    return True


def paths_of(node: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    children = node.items() if isinstance(node, dict) else ()
    for key, child in enumerate(node) if isinstance(node, list) else children:
        yield from paths_of(child, (*path, key))


def replaced(root: object, path: tuple[object, ...], value: object) -> object:
    if not path:
        return value
    root = copy.deepcopy(root)
    node: Any = root
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return root


def keys_of(node: object, path: str) -> list[tuple[str, dict[str, object]]]:
    found = []
    if isinstance(node, dict):
        properties = node.get('properties', {})
        found = [(f'{path}.{name}', key) for name, key in properties.items()]
        for name, child in node.items():
            found += keys_of(child, f'{path}.{name}')
    if isinstance(node, list):
        for child in node:
            found += keys_of(child, path)
    return found
