"""The pytest plugin, as an outside team meets it: their suite is run by pytest in a process."""

import shutil
from pathlib import Path

import pytest

SAMPLE_APP = Path(__file__).parents[1] / 'sample_app'
SAMPLE_TESTS = 6


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pytest is none of our xdist workers, whose databases have names of their own."""
    monkeypatch.delenv('PYTEST_XDIST_WORKER', raising=False)


@pytest.fixture
def sample_app(pytester: pytest.Pytester) -> pytest.Pytester:
    """A copy of the sample app and its suite, in a folder of its own."""
    shutil.copytree(SAMPLE_APP, pytester.path, dirs_exist_ok=True)
    return pytester


def test_the_suite_of_the_sample_app_passes(sample_app: pytest.Pytester) -> None:
    """An app's own suite needs nothing but the fixture."""
    sample_app.runpytest_subprocess().assert_outcomes(passed=SAMPLE_TESTS)


def test_the_suite_passes_under_xdist(sample_app: pytest.Pytester) -> None:
    """Simulations of several pytest processes do not meet."""
    sample_app.runpytest_subprocess('-n2').assert_outcomes(passed=SAMPLE_TESTS)


def test_coverage_sees_the_modules_of_the_app(sample_app: pytest.Pytester) -> None:
    """The plugin imports nothing of the app or of wumai before coverage begins."""
    result = sample_app.runpytest_subprocess('--cov=cloud', '--cov=wumai', '--cov-report=term')
    result.assert_outcomes(passed=SAMPLE_TESTS)
    lines = {line.split()[0]: line.split()[-1] for line in result.outlines if '%' in line}
    assert lines['cloud/jobs.py'] == '100%'
    job = next(name for name in lines if name.endswith('wumai/job.py'))
    assert int(lines[job].rstrip('%')) > 60, 'module-level lines of wumai are seen'


@pytest.mark.parametrize('patched', ['false', 'true'], ids=['unpatched', 'patched'])
@pytest.mark.parametrize('server', ['mysql_url', 'postgresql_url'])
def test_the_suite_passes_on_a_real_server(
    sample_app: pytest.Pytester, request: pytest.FixtureRequest, server: str, patched: str
) -> None:
    """With --wumai-database the same tests run there, in a database beside the one named; in a
    patched process the sockets of the driver reach the virtual loop, and hold the clock.
    """
    url = request.getfixturevalue(server)
    result = sample_app.runpytest_subprocess(f'--wumai-database={url}', f'-owumai_patch={patched}')
    result.assert_outcomes(passed=SAMPLE_TESTS)


def test_a_failed_test_shows_and_saves_the_timeline(pytester: pytest.Pytester) -> None:
    """The report of a failure has what happened, and when."""
    pytester.makeini('[pytest]\nwumai_artifacts = timelines\n')
    pytester.makepyfile(
        """
        from wumai.model import Job

        def test_it(wumai_sim):
            wumai_sim.route(None, {'Boom': lambda job: 1 / 0})
            job_id = Job.create('Boom', try_max=2)
            wumai_sim.run_until_idle()
            assert wumai_sim.jobs[job_id].status == 'finished'
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*wumai timeline*', '*ZeroDivisionError*', '*saved as *.html'])
    (page,) = (pytester.path / 'timelines').iterdir()
    assert 'ZeroDivisionError' in page.read_text()


def test_a_table_that_nobody_made_is_hinted_at(pytester: pytest.Pytester) -> None:
    """Where a test fails, whoever looked for the table."""
    pytester.makepyfile(
        """
        from sqlalchemy import text
        from wumai import db
        from wumai.model import Job

        def look(job):
            with db.transaction() as session:
                session.execute(text('SELECT * FROM own'))

        def test_it(wumai_sim):
            wumai_sim.route(None, {'Look': look})
            job_id = Job.create('Look', try_max=1)
            wumai_sim.run_until_idle()
            assert wumai_sim.jobs[job_id].status == 'finished'
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(['*no such table: own*', 'hint: wumai_sim.make_tables(Base.met*'])


def test_tries_that_differ_are_shown(pytester: pytest.Pytester) -> None:
    """As they are, and how they are compared."""
    pytester.makepyfile(
        """
        from wumai.model import Job

        def test_it(wumai_sim):
            wumai_sim.route(None, {'Boom': lambda job: 1 / 0})
            job_id = Job.create('Boom', try_max=2)
            wumai_sim.run_until_idle()
            assert wumai_sim.jobs[job_id].tries == [('error', '0s'), ('error', '11m')]
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            "*tries [[]('error', '0s'), ('error', '10m')]",
            "*are not [[]('error', '0s'), ('error', '11m')]",
            '*never early, at most 3 s late',
        ]
    )


@pytest.mark.parametrize(
    ('url', 'told'),
    [
        ('nonsense', 'no SQLAlchemy URL'),
        ('sqlite:////tmp/x.db', 'each test has an SQLite file'),
        ('mysql+pymysql://root@127.0.0.1:1/x', 'cannot be used*2003'),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_line(
    pytester: pytest.Pytester, url: str, told: str
) -> None:
    pytester.makepyfile('def test_it(wumai_sim): pass')
    result = pytester.runpytest_subprocess(f'--wumai-database={url}')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f'--wumai-database: *{told}*'])
    result.stdout.no_fnmatch_line('*Traceback*')


def test_a_message_that_was_not_expected_fails_on_request(pytester: pytest.Pytester) -> None:
    """`slack.expect` is strict both ways."""
    pytester.makepyfile(
        """
        from wumai.model import Job

        def test_never_came(wumai_sim):
            wumai_sim.slack.expect('gave up')

        def test_unexpected(wumai_sim):
            wumai_sim.route(None, {'Boom': lambda job: 1 / 0})
            wumai_sim.sms.expect_none()
            Job.create('Boom', try_max=1)
            wumai_sim.run_until_idle()
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*no message matches 'gave up'*", '*an unexpected message*Boom*'])


_WITHOUT_EXTRA = """
    import sys

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name in ('freezegun', 'responses', 'yaml'):
                raise ModuleNotFoundError(f'No module named {name!r}', name=name)

    sys.meta_path.insert(0, Missing())
"""


def test_without_the_extra_only_the_fixtures_are_missing(pytester: pytest.Pytester) -> None:
    """pytest runs undisturbed, and asking for a fixture names the extra."""
    pytester.makepyfile(
        missing=_WITHOUT_EXTRA,
        test_app="""
            def test_of_something_else():
                pass

            def test_simulated(wumai_sim):
                pass
        """,
    )
    result = pytester.runpytest_subprocess('-p', 'missing')
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pip install 'wumai?testing?'*"])


def test_loading_the_plugin_imports_nothing_of_ours(pytester: pytest.Pytester) -> None:
    """Not even gevent: a suite that never asks for a fixture pays nothing."""
    pytester.makepyfile(
        """
        import sys

        def test_it():
            ours = [name for name in sys.modules if name.split('.')[0] in ('wumai', 'gevent')]
            assert ours == []
            mine = [name for name in sys.modules if name.startswith('wumai_testing')]
            assert sorted(mine) == ['wumai_testing', 'wumai_testing.plugin']
        """
    )
    pytester.runpytest_subprocess('-p', 'no:benchmark').assert_outcomes(passed=1)


def test_a_foreign_job_table_is_refused(pytester: pytest.Pytester, mysql_url: str) -> None:
    """The tests never empty a table that they did not make."""
    from sqlalchemy import create_engine, text

    engine = create_engine(mysql_url.rpartition('/')[0], isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.execute(text('CREATE DATABASE precious_wumai'))
        connection.execute(text('CREATE TABLE precious_wumai.job (id INT)'))
    pytester.makepyfile('def test_it(wumai_sim): pass')
    try:
        url = mysql_url.rpartition('/')[0] + '/precious'
        result = pytester.runpytest_subprocess(f'--wumai-database={url}')
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(['*precious_wumai has tables that no test of wumai made*'])
    finally:
        with engine.connect() as connection:
            connection.execute(text('DROP DATABASE precious_wumai'))
        engine.dispose()


@pytest.mark.parametrize('server', ['mysql_url', 'postgresql_url'])
def test_a_model_may_change_between_runs(
    pytester: pytest.Pytester, request: pytest.FixtureRequest, server: str
) -> None:
    """The tables of a run are made anew; within it each test finds them empty."""
    url = f'--wumai-database={request.getfixturevalue(server)}'
    for column in ('address', 'zone'):
        pytester.makepyfile(
            f"""
            import pytest
            from sqlalchemy import String
            from sqlalchemy.orm import Mapped, mapped_column
            from wumai import db
            from wumai.model import Resource

            class Machine(Resource):
                __tablename__ = 'machine'
                {column}: Mapped[str] = mapped_column(String(50))

            @pytest.mark.parametrize('number', [1, 2])
            def test_it(wumai_sim, number):
                with db.transaction() as session:
                    assert session.query(Machine).count() == 0
                    session.add(Machine(id='m', project_id='p', status='up', {column}='a'))
            """
        )
        pytester.runpytest_subprocess(url).assert_outcomes(passed=2)


def test_two_runs_of_a_test_give_the_same_timeline(pytester: pytest.Pytester) -> None:
    """Byte for byte, also under another PYTHONHASHSEED."""
    pytester.makepyfile(
        """
        import pathlib, os
        from wumai.model import Job

        def sometimes(job):
            job.sleep(7)
            if job.trys < 3:
                raise ValueError(f'not yet: {sorted(set(job.params))}')

        def test_it(wumai_sim):
            wumai_sim.route(None, {'Sometimes': sometimes}, workers=3, exec_size=2)
            for number in range(20):
                Job.create('Sometimes', params={'a': number, 'b': 1}, try_period=30 + number)
            wumai_sim.advance('40s')
            wumai_sim.crash_worker('w2')
            wumai_sim.run_until_idle()
            pathlib.Path(os.environ['OUT']).write_text(wumai_sim.timeline.json_lines())
        """
    )
    texts = []
    for seed in ('1', '2'):
        out = pytester.path / f'timeline-{seed}'
        pytester._monkeypatch.setenv('OUT', str(out))
        pytester._monkeypatch.setenv('PYTHONHASHSEED', seed)
        pytester.runpytest_subprocess().assert_outcomes(passed=1)
        texts.append(out.read_bytes())
    assert len(texts[0]) > 10_000
    assert texts[0] == texts[1]
