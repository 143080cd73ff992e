"""One timeline that several processes write."""

from datetime import datetime
from pathlib import Path

from wumai_testing.scenario.live.events import READY, EventFile, EventLog

START = datetime(2026, 11, 1)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """By whatever process; times on the calendar stay times."""
    files = [EventFile(tmp_path / 'events') for _ in range(2)]
    log = EventLog(tmp_path / 'events')
    files[0].add('create', job='job-1', action='X', run_at=START)
    files[1].add('claim', worker='w1', job='job-1', n=1, m=3)
    first, second = log.events()
    assert (first.kind, first.detail['run_at']) == ('create', START)
    assert (second.worker, second.job, second.detail) == ('w1', 'job-1', {'n': 1, 'm': 3})
    files[0].add('stall', worker='w1', seconds=1.5)
    assert [event.kind for event in log.events()] == ['create', 'claim', 'stall']
    for file in files:
        file.close()


def test_half_a_line_is_left_for_later(tmp_path: Path) -> None:
    """A process may have been killed, or not have finished yet."""
    path = tmp_path / 'events'
    path.write_bytes(b'[5, "crash", "w1", null, {}]\n[7, "sta')
    log = EventLog(path)
    assert [event.at for event in log.events()] == [5]
    with path.open('ab') as file:
        file.write(b'll", "w1", null, {"seconds": 1}]\n[6, "create", null, "job-1", {}]\n')
    assert [event.at for event in log.events()] == [5, 6, 7]


def test_the_timeline_begins_with_the_scenario(tmp_path: Path) -> None:
    """What happened before is at its beginning; what processes tell only the runner is left out."""
    file = EventFile(tmp_path / 'events')
    file.add(READY, worker='w1-1')
    file.close()
    with (tmp_path / 'events').open('a') as more:
        more.write('[100, "crash", "w1", null, {}]\n[3000000100, "crash", "w2", null, {}]\n')
    timeline = EventLog(tmp_path / 'events').timeline(began=200, start=START)
    assert [(event.at, event.worker) for event in timeline] == [(0, 'w1'), (2_999_999_900, 'w2')]
    assert timeline.start == START
