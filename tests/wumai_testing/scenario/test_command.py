"""`wumai scenario`: exit codes, what is printed, and the files that it writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, clean_environ, wumai
from tests.waiting import LIMIT
from wumai_testing.scenario.schema import as_text

RIGHT = """\
scenario: A job runs
app: scenarios.apps.flaky
steps:
- job: {as: first, action: Flaky}
- run: idle
- expect: {jobs: {first: {status: finished}}}
"""
FAILING = RIGHT.replace('A job runs', 'A job fails').replace('finished', 'error')
WRONG = RIGHT.replace('run: idle', 'runn: idle')
API = """\
scenario: A call
app: scenarios.apps.errors
steps:
- call: {action: Nothing}
  expect: {retCode: 4000}
"""
OWN_TABLES = """\
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from wumai import db
from wumai.model import Resource

class Base(DeclarativeBase):
    pass

class Disk(Base):
    __tablename__ = 'disk'
    id: Mapped[str] = mapped_column(String(32), primary_key=True)

class Machine(Resource):
    __tablename__ = 'machine'

def install(job):
    with db.transaction() as session:
        session.add_all([Disk(id='d-1'), Machine(id='m-1', project_id='p-1', status='new')])

job_routes = {'Install': install}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an empty folder `scenarios`."""
    (tmp_path / 'scenarios').mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    return tmp_path / 'scenarios'


def wumai_process(
    *arguments: str, folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, '-m', 'wumai', 'scenario', *arguments],
        cwd=folder.parent,
        env={**clean_environ(), **environ},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def test_files_that_pass(folder: Path) -> None:
    """Exit code 0; a line a file with its virtual time, a line a folder, and the sum."""
    (folder / 'a.yaml').write_text(RIGHT)
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'b.yaml').write_text(API)
    (folder / 'other.yaml').write_text('not: ours')
    lines = wumai('scenario', 'run', 'scenarios').stdout.splitlines()
    assert [line.split()[:5] for line in lines[:2]] == [
        ['1/2', 'passed', 'A', 'job', 'runs'],
        ['2/2', 'passed', 'A', 'call', '0s'],
    ]
    assert [line.split()[:4] for line in lines[3:6]] == [
        ['folder', 'passed', 'failed', 'skipped'],
        ['scenarios', '1', '0', '0'],
        ['scenarios/sub', '1', '0', '0'],
    ]
    assert lines[6].startswith('2 passed in ')


def test_a_file_that_fails(folder: Path) -> None:
    """Exit code 1, the step and what was found; the others run all the same."""
    (folder / 'a.yaml').write_text(FAILING)
    (folder / 'b.yaml').write_text(RIGHT)
    output = wumai('scenario', 'run', 'scenarios', code=1).output
    assert 'scenarios/a.yaml:6: step `expect: {jobs: {first: {status: error}}}`' in output
    assert 'job first.status: wanted "error", found "finished"' in output
    assert '1 passed, 1 failed in ' in output


def test_a_file_that_is_wrong(folder: Path) -> None:
    """It is told where, and what was meant; the others run all the same."""
    (folder / 'a.yaml').write_text(WRONG)
    (folder / 'b.yaml').write_text(RIGHT)
    output = wumai('scenario', 'run', 'scenarios', code=1).output
    assert 'scenarios/a.yaml:5:3: unknown step `runn`; did you mean `run`?' in output
    assert '1 passed, 1 failed in ' in output


def test_nothing_to_run(folder: Path) -> None:
    """Exit code 2, and where it was looked for."""
    (folder / 'other.yaml').write_text('not: ours')
    output = wumai('scenario', 'run', 'scenarios', code=2).output
    assert 'no scenario file in scenarios' in output
    assert 'does not exist' in wumai('scenario', 'run', 'elsewhere', code=2).output


def test_a_file_that_is_named_runs_wherever_it_is(folder: Path) -> None:
    """Only what is found by itself must be below a folder scenarios."""
    path = folder.parent / 'a.yaml'
    path.write_text(RIGHT)
    assert '1 passed in ' in wumai('scenario', 'run', str(path)).output
    told = wumai('scenario', 'run', str(folder.parent), code=2).output
    assert 'with the key `scenario` below a folder named `scenarios`' in told


def test_what_is_left_out_is_told(folder: Path) -> None:
    """A file without the key is none of ours, or was to be one; with a misspelt key it is wrong."""
    (folder / 'a.yaml').write_text(RIGHT)
    (folder / 'b.yaml').write_text('')
    (folder / 'c.yaml').write_text(RIGHT.replace('scenario', 'scenaro'))
    (folder.parent / 'd.yaml').write_text('')
    told = wumai('scenario', 'check', str(folder.parent), code=1).output
    assert told.count('left out') == 1
    assert f'left out, without the key `scenario`: {folder / "b.yaml"}\n' in told
    assert 'unknown key `scenaro` in the file; did you mean `scenario`?' in told
    assert told.endswith('1 of 2 files are right\n')


def test_verbose_shows_the_timeline(folder: Path) -> None:
    """Of a file that passes too."""
    (folder / 'a.yaml').write_text(RIGHT)
    lines = wumai('scenario', 'run', 'scenarios', '-v').output.splitlines()
    assert '0s w1 Flaky#1 outcome finished' in [' '.join(line.split()) for line in lines]


def test_a_report_has_a_page_for_each_timeline(folder: Path) -> None:
    """The index links to them, whether a file passed or failed; one that is wrong has none."""
    for name, text in (('a', RIGHT), ('b', FAILING), ('c', WRONG)):
        (folder / f'{name}.yaml').write_text(text)
    output = wumai('scenario', 'run', 'scenarios', '--report', 'out/report', code=1).output
    report = folder.parent / 'out' / 'report'
    assert output.endswith('report: out/report/index.html\n')
    pages = {path.name for path in report.iterdir()}
    assert pages == {'index.html', '1-a-job-runs.html', '2-a-job-fails.html'}
    index = (report / 'index.html').read_text()
    assert 'href="1-a-job-runs.html"' in index
    assert '1 failed, 1 passed' in index


def test_a_database_of_a_server(folder: Path, mysql_database: str) -> None:
    """Files run there one after the other, each in an empty database beside the one named."""
    (folder / 'a.yaml').write_text(RIGHT)
    (folder / 'b.yaml').write_text(RIGHT)
    url = mysql_database.replace('mysql', 'mariadb', 1)
    output = wumai('scenario', 'run', 'scenarios', '--database', url).output
    assert '2 passed in ' in output


@pytest.mark.parametrize('way', [[], ['--database', 'server'], ['--live', '--database', 'sqlite']])
def test_an_app_has_its_own_tables(
    folder: Path, way: list[str], request: pytest.FixtureRequest
) -> None:
    """Those of Resource and those of a base of its own, from the first file on."""
    if 'server' in way:
        way = ['--database', request.getfixturevalue('mysql_database')]
    (folder / 'machines.py').write_text(OWN_TABLES)
    text = RIGHT.replace('Flaky', 'Install').replace('scenarios.apps.flaky', 'machines')
    (folder / 'a.yaml').write_text(text)
    ran = wumai_process('run', 'scenarios', *way, folder=folder)
    assert '1 passed in ' in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize('live', [[], ['--live']])
def test_a_database_that_cannot_be_used(folder: Path, live: list[str]) -> None:
    """What is wrong, in a line and without a password."""
    (folder / 'a.yaml').write_text(RIGHT)
    url = 'mysql://root:secret@127.0.0.1:1/x'
    ran = wumai_process('run', 'scenarios', '--database', url, *live, folder=folder)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 1
    assert "Can't connect to MySQL server on '127.0.0.1'" in said
    assert 'secret' not in said
    assert 'Traceback' not in said


def test_live(folder: Path) -> None:
    """Real processes; what cannot run so is skipped, and why is told."""
    (folder / 'a.yaml').write_text(RIGHT)
    (folder / 'b.yaml').write_text(RIGHT.replace('run: idle', 'slack: {down: 5m}'))
    ran = wumai_process('run', 'scenarios', '--live', '--database', 'sqlite', folder=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert 'line 5: `slack: down` can only be made to happen in a simulation' in ran.stdout
    assert '1 passed, 1 skipped in ' in ran.stdout


def test_live_without_a_server(folder: Path) -> None:
    """What to install, or what to do instead."""
    (folder / 'a.yaml').write_text(RIGHT)
    ran = wumai_process('run', 'scenarios', '--live', folder=folder, PATH=str(folder))
    if ran.returncode == 0:
        pytest.skip('a MariaDB is in one of the places beside PATH')
    assert 'apt-get install mariadb-server' in ran.stderr
    assert '--database sqlite' in ran.stderr


def test_check(folder: Path) -> None:
    """The grammar alone: nothing is imported. Exit code 1 if a file is wrong."""
    (folder / 'a.yaml').write_text(RIGHT.replace('scenarios.apps.flaky', 'no.such.app'))
    assert wumai('scenario', 'check', 'scenarios').output == '1 of 1 files are right\n'
    (folder / 'b.yaml').write_text(WRONG)
    output = wumai('scenario', 'check', 'scenarios', code=1).output
    assert 'scenarios/b.yaml:5:3: unknown step `runn`; did you mean `run`?' in output
    assert '1 of 2 files are right\n' in output


def test_the_catalogue_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 80 files, and no mistake in them."""
    monkeypatch.chdir(ROOT)
    number, _, total = wumai('scenario', 'check', 'scenarios').output.split()[:3]
    assert number == total
    assert int(total) >= 80


def test_new(folder: Path) -> None:
    """The file is right, and passes with an app that has what it names."""
    (folder.parent / 'post_office.py').write_text("job_routes = {'DoSomething': lambda job: {}}")
    name = 'scenarios/orders/an-order-is-sent.yaml'
    assert wumai('scenario', 'new', name, '--app', 'post_office').output == f'written: {name}\n'
    assert wumai('scenario', 'check', name).output == '1 of 1 files are right\n'
    output = wumai('scenario', 'run', 'scenarios').output
    assert 'An order is sent' in output
    assert '1 passed in ' in output


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('scenarios/a.yml', 'a scenario is a .yaml file below a folder scenarios'),
        ('a.yaml', 'a scenario is a .yaml file below a folder scenarios'),
        ('scenarios/there.yaml', 'is there already'),
    ],
)
def test_new_where_it_cannot_be(folder: Path, name: str, said: str) -> None:
    """Nothing is written, and nothing overwritten."""
    (folder / 'there.yaml').write_text('mine')
    assert said in wumai('scenario', 'new', name, code=2).output
    assert (folder / 'there.yaml').read_text() == 'mine'
    assert len(list(folder.parent.rglob('*.y*ml'))) == 1


def test_schema() -> None:
    """JSON, and the one that the grammar is tested against."""
    assert json.loads(wumai('scenario', 'schema').output) == json.loads(as_text())
