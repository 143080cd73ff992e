"""Which files are scenarios: nobody else's."""

from pathlib import Path

import pytest

from wumai_testing.scenario import is_scenario_file


def written(tmp_path: Path, name: str, data: bytes | str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    'text',
    [
        'scenario: x\nsteps: []',
        '\ufeffscenario: x',
        '# why\n---\nscenario: x',
        '{"scenario": 1}',
        'steps: [{run: idle}, [x]]\n? [a]\n: b\napp: *nix\nscenario: x',
        'scenario: x\nsteps: [}',
        'scenario: x\n---\nscenario: y',
        b'scenario: caf\xe9',
        'scenaro: x\nsteps: []',
        'Scenario: x\n? [a]\n: b\nsteps: []',
        'steps: []\nsenario: x\na: [}',
    ],
)
def test_a_mapping_with_the_key_is_one(tmp_path: Path, text: str | bytes) -> None:
    """Even where it has mistakes: they are to be told, not passed over."""
    assert is_scenario_file(written(tmp_path, 'scenarios/deep/down/x.yaml', text))


@pytest.mark.parametrize(
    'data',
    [
        '',
        'steps: []',
        'scene: x\nsteps: []',
        'scenaro: x\nstep: []',
        'scenarios: x\nsteps: []',
        'name: scenario',
        'a: {scenario: x}',
        'scenario',
        '- scenario: x',
        '"- scenario: x"',
        'a: 1\n---\nscenario: x',
        '? {scenario: x}\n: 1',
        'a: !vault scenario',
        'a: !x!y scenario\nscenario: x',
        '{% for scenario in all %}\nscenario: x',
        b'\x00\x01\xff\xfescenario: x',
        b'\xff\xfe' + 'scenario: x'.encode('utf-16-le'),
        'a: ' + '[' * 5000 + 'scenario',
    ],
)
def test_other_yaml_is_none(tmp_path: Path, data: str | bytes) -> None:
    """Custom tags, other documents, templates and bytes raise nothing."""
    assert not is_scenario_file(written(tmp_path, 'scenarios/x.yaml', data))


@pytest.mark.parametrize(
    'name', ['x.yaml', 'scenario/x.yaml', 'scenarios/x.yml', 'scenarios.yaml', 'scenarios/x.json']
)
def test_other_places_and_names_are_none(tmp_path: Path, name: str) -> None:
    """A .yaml file, under a folder of that name."""
    assert not is_scenario_file(written(tmp_path, name, 'scenario: x'))


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    """Nor is a folder."""
    (tmp_path / 'scenarios' / 'x.yaml').mkdir(parents=True)
    assert not is_scenario_file(tmp_path / 'scenarios' / 'y.yaml')
    assert not is_scenario_file(tmp_path / 'scenarios' / 'x.yaml')
    assert not is_scenario_file(str(tmp_path / 'scenarios' / 'x.yaml'))
