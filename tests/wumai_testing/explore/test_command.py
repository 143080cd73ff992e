"""The command `wumai simulate`."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import running, wumai
from tests.waiting import LIMIT, lives, until
from wumai_testing.explore import command

DISKS = 'tests.wumai_testing.explore.disks'
QUIET = ('--workers', '1', '--fault', 'crash')


def test_seeds_that_break_nothing() -> None:
    told = wumai('simulate', *QUIET, '--seeds', '2-4', '--processes', '1').output
    assert 'tries: BadResult' in told
    assert '2 of 2 seeds, 0.' in told
    assert told.endswith('no invariant was broken\n')


def test_without_a_terminal_a_line_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then, so that the log of a long run shows that it goes on."""
    monkeypatch.setattr(command, 'TELL_PERIOD', 0.0)
    seeds = ('--seeds', '0-10', '--processes', '1')
    told = wumai('simulate', *QUIET, *seeds).output
    assert told.startswith('5 of 10 seeds\n10 of 10 seeds\n')
    told = wumai('simulate', DISKS, '--option', 'exec_timeout=60', *seeds, code=1).output
    assert re.search(r'^10 of 10 seeds, \d of them broken$', told, re.M)


def test_one_seed_and_its_timeline() -> None:
    """The same bytes each time."""
    told = wumai('simulate', *QUIET, '--seed', '3', '--trace').output
    assert 'w1' in told.splitlines()[0]
    assert 'worker   start' in told.splitlines()[0]
    assert told.endswith('seed 3 breaks no invariant\n')
    assert wumai('simulate', *QUIET, '--seed', '3', '--trace').output == told
    assert wumai('simulate', *QUIET, '--seed', '3').output == 'seed 3 breaks no invariant\n'


def test_a_seed_that_breaks_something(tmp_path: Path) -> None:
    """It is made shorter, and written; the exit code is 1."""
    path = tmp_path / 'scenarios' / 'disk.yaml'
    options = ('--fault', 'crash', '--option', 'exec_timeout=60', '--export', str(path))
    told = wumai('simulate', DISKS, *options, '--processes', '1', '--seeds', '5', code=1).output
    assert f'breaks {DISKS}.an_instance_has_one_disk' in told
    assert 'again:   wumai simulate' in told
    assert told.endswith(f'written as {path}\n  which fails as the run did\n')
    assert 'crash: w1' in path.read_text()
    told = wumai('scenario', 'run', str(path), code=1).output
    assert 'an_instance_has_one_disk' in told


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """What was found is told all the same; a file that is there is kept."""
    (tmp_path / 'taken').touch()
    told = wumai('simulate', DISKS, '--export', str(tmp_path / 'taken'), code=2).output
    assert f'--export: {tmp_path}/taken is there already.' in told
    options = ('--fault', 'crash', '--option', 'exec_timeout=60', '--seed', '4')
    path = tmp_path / 'taken' / 'disk.yaml'
    told = wumai('simulate', DISKS, *options, '--export', str(path), code=1).output
    assert f'seed 4 breaks {DISKS}.an_instance_has_one_disk' in told
    assert 'wumai: --export: [Errno ' in told


def test_no_job_ran() -> None:
    told = wumai(
        'simulate',
        'tests.wumai_testing.explore.refused',
        '--seeds',
        '2',
        '--processes',
        '1',
        code=1,
    ).output
    assert 'no call of CreateInstance was answered with 200' in told


def test_what_was_never_reached_fails_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred runs would reach it; here two are to be enough."""
    monkeypatch.setattr('wumai_testing.explore.coverage.ENOUGH', 2)
    arguments = ('simulate', *QUIET, '--fault', 'slack down', '--seeds', '2', '--processes', '1')
    told = wumai(*arguments).output
    assert 'never reached: ' in told
    assert told.endswith('no invariant was broken\n')
    wumai(*arguments, '--strict', code=1)


NOTES_PIDS = """
import os
from pathlib import Path

def note(job):
    with Path('pids').open('a') as file:
        file.write(f'{os.getpid()}\\n')

job_routes = {'Note': note}
"""


@pytest.mark.parametrize(
    ('number', 'processes'), [(signal.SIGINT, '1'), (signal.SIGINT, '2'), (signal.SIGTERM, '2')]
)
def test_an_interrupted_run_tells_what_it_has_seen(
    tmp_path: Path, number: signal.Signals, processes: str
) -> None:
    """And leaves no process behind. Ctrl-C reaches those that it has begun, too."""
    (tmp_path / 'notes.py').write_text(NOTES_PIDS)
    pids = tmp_path / 'pids'
    arguments = ('simulate', 'notes', '--seeds', '99999', '--processes', processes)
    with running(*arguments, cwd=tmp_path) as run:
        until(lambda: pids.exists() and len(begun(pids)) == int(processes))
        for pid in begun(pids) - {run.pid}:
            os.kill(pid, signal.SIGINT)
        run.send_signal(number)
        output, errors = run.communicate(timeout=LIMIT)
    assert (run.returncode, errors) == (130, 'interrupted\n')
    assert 'of 99999 seeds' in output
    for pid in begun(pids):
        assert not lives(pid)


def test_a_killed_run_leaves_no_process_behind(tmp_path: Path) -> None:
    (tmp_path / 'notes.py').write_text(NOTES_PIDS)
    pids = tmp_path / 'pids'
    arguments = ('simulate', 'notes', '--seeds', '99999', '--processes', '2')
    with running(*arguments, cwd=tmp_path) as run:
        until(lambda: pids.exists() and len(begun(pids)) == 2)
        run.kill()
        until(lambda: not any(lives(pid) for pid in begun(pids)))


def test_a_zombie_is_not_left_behind() -> None:
    """Its new parent may take its time; whether there are some is asked by these tests."""
    with subprocess.Popen(['true']) as ended:
        until(lambda: not lives(ended.pid))
        os.kill(ended.pid, 0)
    assert lives(os.getpid())


def begun(pids: Path) -> set[int]:
    return {int(line) for line in pids.read_text().splitlines(keepends=True) if line[-1:] == '\n'}


@pytest.mark.parametrize(
    ('arguments', 'code', 'told'),
    [
        (['no.such'], 1, "wumai: there is no module 'no' in"),
        (['json'], 1, 'wumai: json has no `job_routes'),
        (['--seeds', 'all'], 2, "Invalid value for '--seeds': 'all' are no seeds: write how many"),
        (['--seeds', '9-3'], 2, "'9-3' are no seeds"),
        (['--seed', '-1'], 2, "Invalid value for '--seed'"),
        (['--workers', '0'], 2, "Invalid value for '--workers': 0 is not in the range x>=1."),
        (['--processes', '0'], 2, "Invalid value for '--processes'"),
        (['--time', '5'], 2, "Invalid value for '--time': '5' is no duration: write a number and"),
        (['--fault', 'flood'], 2, "'flood' is not one of 'crash', 'stall'"),
        (['--option', 'lease'], 2, "'lease' has no value: write one as in lease=60"),
        (['--option', 'lease=1'], 2, 'lease must be 3 seconds or more, not 1'),
        (['--option', 'lease=long'], 2, "lease must be a number of seconds, not 'long'"),
        (['--option', 'exec_timout=60'], 2, "'exec_timout' is no option of create_worker"),
        (['--trace'], 2, '--trace is about one run: name it with --seed.'),
        (['--database', 'nonsense', '--seed', '1'], 1, 'DB_URL is no SQLAlchemy URL'),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], code: int, told: str) -> None:
    output = wumai('simulate', *arguments, code=code).output
    assert told in output
    assert len(output.splitlines()) == 1


def test_a_server_that_is_away_is_one_line_without_its_password() -> None:
    url = 'mysql+pymysql://root:secret@127.0.0.1:1/test'
    output = wumai('simulate', '--database', url, '--seed', '1', code=1).output
    assert 'root:***@127.0.0.1:1/test_wumai' in output
    assert 'cannot be used: OperationalError: (2003, ' in output
    assert 'secret' not in output
    assert len(output.splitlines()) == 1
