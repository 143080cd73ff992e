"""What a worker draws from what it has read ahead, alone and beside others."""

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from wumai.entropy import RandomEntropy
from wumai.runtime import Runtime
from wumai.store.base import Candidate
from wumai.store.prepared import LENGTHS
from wumai.worker.ahead import CALM, DRAWN_MAX, EXCESS_MAX, SPREAD_MAX, STALE, WINDOW, Ahead

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=10)
IDS = [f'job-{number}' for number in range(10)]


class Backlog:
    """A store that has nothing but candidates, and a clock."""

    def __init__(self, count: int) -> None:
        self.ids = [f'job-{number:05}' for number in range(count)]
        self.offsets: list[int] = []
        self.seconds = 0.0

    def candidates(self, until: datetime, limit: int, offset: int = 0) -> list[Candidate]:
        assert until == SOON
        self.offsets.append(offset)
        return [Candidate(one, NOW) for one in self.ids[offset : offset + limit]]

    def monotonic(self) -> float:
        return self.seconds


def ahead(backlog: Backlog) -> Ahead:
    entropy = RandomEntropy(random.Random(7))
    runtime = SimpleNamespace(worker_store=backlog, clock=backlog, entropy=entropy)
    return Ahead(cast(Runtime, cast(Any, runtime)))


def collided(ahead: Ahead, times: int = 9) -> None:
    """Others have had some of what was drawn, so often."""
    for _ in range(times):
        ahead.note(IDS[:3], IDS, 10)


def test_a_worker_alone_draws_the_earliest_due() -> None:
    """As many as it has places, in order."""
    backlog = Backlog(1000)
    one = ahead(backlog)
    one.read(10, NOW, SOON)
    for begin in (0, 10, 20):
        drawn = one.draw(10)
        assert drawn == backlog.ids[begin : begin + 10]
        one.note(drawn, drawn, 10)
    assert backlog.offsets == [0]


def test_what_is_not_due_yet_is_told_and_not_drawn() -> None:
    """The loop waits for it."""
    backlog = Backlog(2)
    one = ahead(backlog)
    early = NOW - timedelta(seconds=1)
    assert [c.id for c in one.read(10, early, SOON)] == backlog.ids
    assert not one
    assert one.draw(10) == []


def test_what_was_read_is_read_anew_when_it_is_old_or_too_little() -> None:
    """A second later others may have run it all."""
    backlog = Backlog(1000)
    one = ahead(backlog)
    assert not one.suffices(1)
    one.read(10, NOW, SOON)
    assert one.suffices(10)
    assert not one.suffices(WINDOW * 10 + 1)
    backlog.seconds += STALE * 1.01
    assert not one.suffices(10)


def test_workers_that_collide_read_windows_of_their_own() -> None:
    """Drawn by lot, among more the more they collide."""
    backlog = Backlog(100_000)
    one = ahead(backlog)
    collided(one)
    for _ in range(200):
        one.read(10, NOW, SOON)
    windows = {offset / (WINDOW * 10) for offset in backlog.offsets[1:]}
    assert windows == set(range(round(SPREAD_MAX)))


def test_a_backlog_that_is_no_deeper_than_a_window_is_read_whole() -> None:
    """By one query, whatever was before."""
    backlog = Backlog(100_000)
    one = ahead(backlog)
    collided(one)
    one.read(10, NOW, SOON)
    del backlog.ids[5:]
    one.read(10, NOW, SOON)  # perhaps a window that has become empty, and then all
    assert sorted(one.draw(10)) == backlog.ids
    backlog.offsets.clear()
    for _ in range(50):
        one.read(10, NOW, SOON)
    assert backlog.offsets == [0] * 50


def test_who_collides_draws_more_than_it_has_places_for() -> None:
    """Since others take some of it; and less again when nobody does."""
    one = ahead(Backlog(100_000))
    collided(one)
    one.read(10, NOW, SOON)
    assert len(one.draw(10)) == 10 * EXCESS_MAX
    for _ in range(300):
        one.note(IDS, IDS, 10)
    one.read(10, NOW, SOON)
    assert len(one.draw(10)) == 10


def test_what_a_claim_did_not_come_to_is_drawn_again() -> None:
    """It goes by the order of ids until its places are full, and what it passed over is taken."""
    backlog = Backlog(10 * EXCESS_MAX)
    one = ahead(backlog)
    collided(one)
    one.read(10, NOW, SOON)
    drawn = sorted(one.draw(10))
    assert drawn == backlog.ids
    one.note(drawn[5:15], drawn, 10)
    assert sorted(one.draw(10)) == backlog.ids[15:]


def test_no_claim_is_longer_than_the_database_likes() -> None:
    """The rest is claimed in the next turn."""
    one = ahead(Backlog(2000))
    one.read(1000, NOW, SOON)
    assert len(one.draw(1000)) == DRAWN_MAX < LENGTHS[-1]


@pytest.mark.parametrize(('places', 'limit'), [(1, 20), (10, 200), (50, 200), (100, 400)])
def test_a_window_grows_with_the_places_up_to_what_is_enough(places: int, limit: int) -> None:
    """What is read is read in vain where others take it."""
    backlog = Backlog(1000)
    one = ahead(backlog)
    assert len(one.read(places, NOW, SOON)) == limit


def test_who_finds_nothing_due_forgets_that_it_collided() -> None:
    """The next job is begun in the order of due times, as by a worker alone."""
    backlog = Backlog(0)
    one = ahead(backlog)
    collided(one)
    one.read(10, NOW, SOON)
    backlog.ids = [f'job-{number}' for number in range(50)]
    one.read(10, NOW, SOON)
    assert one.draw(10) == backlog.ids[:10]


@pytest.mark.parametrize(('taken', 'kept'), [(2, False), (5, True)])
def test_what_others_have_mostly_taken_is_forgotten(taken: int, kept: bool) -> None:
    """So that the next claim reads anew."""
    one = ahead(Backlog(1000))
    one.read(10, NOW, SOON)
    drawn = one.draw(10)
    one.note(drawn[:taken], drawn, 10)
    assert bool(one) is kept


def test_what_is_created_here_is_drawn_without_a_read() -> None:
    """Where the last read has found that nothing else is due."""
    backlog = Backlog(0)
    one = ahead(backlog)
    one.read(10, NOW, SOON)
    one.offer(['job-1'])
    one.offer(['job-2'])
    assert one.offered
    assert one.suffices(10)
    assert one.draw(10) == ['job-1', 'job-2']
    assert backlog.offsets == [0]


def test_after_a_while_without_a_collision_it_draws_in_order_again() -> None:
    """One that is alone now runs first what was due first, though its claims are few."""
    backlog = Backlog(WINDOW * 10 * 30)
    one = ahead(backlog)
    one.read(10, NOW, SOON)
    collided(one)
    backlog.seconds = CALM + 0.1
    one.read(10, NOW, SOON)
    assert backlog.offsets[-1] == 0
    assert one.draw(10) == backlog.ids[:10]


def test_no_more_is_offered_than_a_worker_reads_ahead() -> None:
    backlog = Backlog(0)
    one = ahead(backlog)
    one.read(10, NOW, SOON)
    for number in range(WINDOW * 2):
        one.offer([f'job-{number}', 'and another'])
    assert len(one.draw(WINDOW * 9)) == WINDOW


def test_what_is_created_here_overtakes_nothing_for_long() -> None:
    """After each draw of what was offered comes a read, and none is offered beside what is due."""
    backlog = Backlog(0)
    one = ahead(backlog)
    one.read(10, NOW, SOON)
    one.offer(['job-1'])
    one.draw(10)
    one.offer(['job-2'])
    assert not one
    assert not one.suffices(1)
    backlog.ids.append('job-0')
    one.read(10, NOW, SOON)
    one.offer(['job-2'])
    assert not one.offered
    assert one.draw(10) == ['job-0']
