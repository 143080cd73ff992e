"""Scenario files as tests of pytest, in somebody's project."""

import pytest

APP = "job_routes = {'Greet': lambda job: {'text': 'hello'}}"
RIGHT = """\
scenario: A job runs
app: greeting
steps:
- job: {as: first, action: Greet}
- run: idle
- expect: {jobs: {first: {status: finished}}}
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """With an app, a scenario that passes, and YAML that is none."""
    monkeypatch.delenv('PYTEST_XDIST_WORKER', raising=False)
    pytester.makepyfile(greeting=APP)
    written(pytester, 'scenarios/jobs/a-job-runs.yaml', RIGHT)
    written(pytester, 'scenarios/settings.yaml', 'not: ours')
    written(pytester, 'elsewhere/a-job-runs.yaml', RIGHT)
    return pytester


def written(pytester: pytest.Pytester, name: str, text: str) -> None:
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_is_a_test(project: pytest.Pytester) -> None:
    """Named by its path; what is elsewhere, or has no key `scenario`, is none."""
    result = project.runpytest_subprocess('-v')
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(['scenarios/jobs/a-job-runs.yaml::a-job-runs PASSED*'])


def test_files_are_chosen_as_tests_are(project: pytest.Pytester) -> None:
    """By -k, by path, and with xdist."""
    written(project, 'scenarios/jobs/another.yaml', RIGHT)
    project.runpytest_subprocess('-k', 'another').assert_outcomes(passed=1, deselected=1)
    project.runpytest_subprocess('scenarios/jobs', '-n2').assert_outcomes(passed=2)


def test_one_that_fails_is_told_without_a_traceback(project: pytest.Pytester) -> None:
    """The step with its line and what was found; the page is saved where the option says."""
    project.makeini('[pytest]\nwumai_artifacts = pages')
    written(project, 'scenarios/no.yaml', RIGHT.replace('finished', 'error'))
    result = project.runpytest_subprocess('scenarios')
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            '*scenarios/no.yaml:6: step `expect: *',
            '  job first.status: wanted "error", found "finished"',
            'saved as *pages/scenarios_no.yaml_no.html',
        ]
    )
    result.stdout.no_fnmatch_line('*runner.py*')
    assert [page.name for page in project.path.glob('pages/*')] == ['scenarios_no.yaml_no.html']


def test_one_with_a_misspelt_key_fails(project: pytest.Pytester) -> None:
    written(project, 'scenarios/no.yaml', RIGHT.replace('scenario', 'senario'))
    result = project.runpytest_subprocess('scenarios')
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(['*scenarios/no.yaml:1:1: unknown key `senario`*'])


def test_one_that_is_wrong_fails(project: pytest.Pytester) -> None:
    """With the place of each mistake; the others run."""
    written(project, 'scenarios/no.yaml', RIGHT.replace('steps', 'step'))
    result = project.runpytest_subprocess('scenarios')
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(['*scenarios/no.yaml:3:1: unknown key `step`*'])
