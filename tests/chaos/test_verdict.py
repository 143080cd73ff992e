"""The check of the chaos itself: it finds what it is there to find."""

from types import SimpleNamespace

import pytest

from tests.chaos.journal import DONE, Run
from tests.chaos.verdict import judge

LEASE = 6.0


def row(status='finished', trys=1):
    return SimpleNamespace(id='job', status=status, trys=trys, try_max=3)


def run(begin, end, pid=1, how=DONE, held=False):
    return Run('job', 1, pid, begin, end, how, held)


FINISHED = row()


def judged(*runs, found=FINISHED, silent=(), outages=(), ended=None):
    rows = [found] if found else []
    workers = {n: SimpleNamespace(silent=list(silent), ended=ended) for n in (1, 2, 3)}
    return judge(['job'], rows, runs, workers, LEASE, outages)


def test_nothing_is_wrong():
    """A job that ran once, and one that ran again after its worker had died."""
    assert judged(run(0, 1)).problems == {}
    assert judged(run(0, None, how=''), run(9, 10, 2), ended=3).problems == {}


@pytest.mark.parametrize(
    ('problem', 'runs', 'found'),
    [
        ('lost', [run(0, 1)], None),
        ('lost', [run(0, 1, how='Stopped')], row()),
        ('failed', [run(0, 1)], row('error')),
        ('stuck', [run(0, 1)], row('running')),
        ('over', [run(0, 1)], row(trys=4)),
        ('double', [run(0, 5), run(4, 5, 2)], row()),
        ('double', [run(0, 9), run(2, 3, 1), run(4, 5, 2)], row()),
        ('double', [run(0, None, how=''), run(4, 5, 2)], row()),
    ],
)
def test_what_is_wrong_is_named(problem, runs, found):
    """Each by the name under which it is reported."""
    assert list(judged(*runs, found=found).problems) == [problem]


@pytest.mark.parametrize(
    ('spans', 'excused'),
    [
        ([(1, 7)], True),
        ([(1, 6.9)], False),
        ([(1, 4), (5, 7)], True),
        ([(1, 3), (6, 7)], False),
        ([(-9, -2)], False),
        ([(9, 20)], False),
    ],
)
def test_only_a_worker_that_was_silent_for_a_lease_is_excused(spans, excused):
    """Up to the moment at which the other run began; no heartbeat fits between near ones."""
    for where in ('silent', 'outages'):
        verdict = judged(run(0, 9), run(8, 9, 2), **{where: spans})
        assert (verdict.excused, verdict.problems == {}) == (int(excused), excused)


def test_a_run_that_was_told_it_holds_the_job():
    """It is misled also where it is excused."""
    verdict = judged(run(0, 9, held=True), run(8, 9, 2), silent=[(1, 8)])
    assert verdict.problems == {'misled': ['job']}
