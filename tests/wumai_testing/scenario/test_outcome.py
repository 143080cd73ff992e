"""What becomes of a file, whatever is in it."""

from pathlib import Path

import pytest

from wumai_testing.scenario.outcome import FAILED, PASSED, run_simulated


def written(tmp_path: Path, app: str, *steps: str) -> Path:
    path = tmp_path / 'story.yaml'
    path.write_text('\n'.join(['scenario: a story', f'app: {app}', 'steps:', *steps]))
    return path


def test_one_that_passes(tmp_path: Path) -> None:
    """Its name, the virtual time that passed, its timeline and how its jobs ended."""
    job = '- job: {as: first, action: Flaky, params: {fail: 1}}'
    outcome = run_simulated(written(tmp_path, 'scenarios.apps.flaky', job, '- run: idle'))
    assert (outcome.status, outcome.name, outcome.virtual) == (PASSED, 'a story', '10m')
    assert outcome.timeline
    assert (outcome.message, outcome.jobs['first']['trys']) == ('', 2)


def test_one_that_fails(tmp_path: Path) -> None:
    """The message of the step, and the timeline until then."""
    outcome = run_simulated(
        written(tmp_path, 'scenarios.apps.flaky', '- expect: {slack: 1}', '- advance: 1d')
    )
    assert (outcome.status, outcome.virtual, outcome.jobs) == (FAILED, '0s', {})
    assert ':4: step `expect: {slack: 1}`' in outcome.message
    assert outcome.timeline


@pytest.mark.parametrize(
    ('name', 'source', 'said'),
    [
        ('outcome_imports', 'import nothing', "ModuleNotFoundError: No module named 'nothing'\n"),
        ('outcome_lacks', 'import scenarios.none', "No module named 'scenarios.none'\n"),
        ('outcome_syntax', 'x = (', "SyntaxError: '(' was never closed\n"),
        ('outcome_raises', 'raise SystemError("no")', 'SystemError: no\n'),
    ],
)
def test_an_app_that_cannot_be_imported(
    tmp_path: Path, name: str, source: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails its file, with a traceback of the app's own mistake."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f'{name}.py').write_text(source)
    outcome = run_simulated(written(tmp_path, name, '- run: idle'))
    assert (outcome.status, outcome.timeline) == (FAILED, None)
    assert outcome.message.endswith(said)
    assert outcome.message.startswith('Traceback')
    assert f'{name}.py", line 1' in outcome.message


def test_a_file_that_is_wrong(tmp_path: Path) -> None:
    """All that is wrong with it, under its name."""
    outcome = run_simulated(written(tmp_path, 'x', '- runn: idle', '- crash: w9'))
    assert (outcome.status, outcome.name) == (FAILED, 'story')
    assert 'story.yaml:4:3: ' in outcome.message
    assert 'story.yaml:5:' in outcome.message
    assert 'Traceback' not in outcome.message
