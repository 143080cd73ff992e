"""The timeline as text and as JSON lines."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.wumai_testing.story import START, Story, after, flaky, job_id, troubles
from wumai_testing.timeline import Timeline


def test_text_is_columns_with_offsets_and_short_names() -> None:
    """A failing test's output can be read at a glance."""
    lines = flaky().told().text().splitlines()
    assert lines[:8] == [
        '    0s  w1           worker   start',
        '    0s  -            call     CreateInstance ret_code=0',
        f'    0s  -   Flaky#1  create   {job_id(1)}',
        '    0s  w1  Flaky#1  claim    try 1 of 3',
        '    0s  w1  Flaky#1  begin    try 1 of 3',
        '    5s  w1  Flaky#1  end      try 1 raised ValueError',
        '    5s  w1  Flaky#1  outcome  failed: ValueError: '
        '</script><img src=x onerror=alert(1)>; next try 10m5s',
        '    5s  -            notify   slack: Flaky#1 try 1 of 3 failed',
    ]
    assert lines[-1] == '20m15s  w1  Flaky#1  outcome  finished'


def test_text_tells_troubles_in_words() -> None:
    text = troubles().told().text()
    for words in (
        'gave up: timeout: the try ran past exec_timeout (60 s)',
        'worker lost: w2#2; due at once',
        'for 2m',
        'database is down for 25s',
        'too late, not written: finished',
        'handed back',
        'exit with code 0',
    ):
        assert words in text


def test_text_with_last_says_what_it_leaves_out() -> None:
    timeline = flaky().told()
    lines = timeline.text(last=2).splitlines()
    assert lines[0] == f'... {len(timeline) - 2} earlier events'
    assert len(lines) == 3
    assert timeline.text(last=0) == f'... {len(timeline)} earlier events'
    assert timeline.text(last=1000) == timeline.text()


def test_text_with_last_folds_what_goes_round() -> None:
    """Only the times of the rounds differ, and the whole text has them all."""
    story = Story()
    for number in range(10):
        story.at(number * 60, 'claim', job='a', worker='w1', n=1, m=3)
        story.at(number * 60 + 1, 'release', job='a', worker='w1', run_at=after(number * 60 + 60))
    timeline = story.told()
    assert timeline.text(last=40).splitlines() == [
        '  0s  w1  job#1  claim    try 1 of 3',
        '  1s  w1  job#1  release  handed back; due 1m',
        '... the same 2 lines 8 times more',
        '  9m  w1  job#1  claim    try 1 of 3',
        '9m1s  w1  job#1  release  handed back; due 10m',
    ]
    assert timeline.text(last=3).splitlines()[:2] == [
        '... 2 earlier events',
        '... the same 2 lines 8 times more',
    ]
    assert len(timeline.text().splitlines()) == 20


def test_text_of_nothing_is_empty() -> None:
    timeline = Timeline(lambda: 0, START)
    assert (timeline.text(), timeline.json_lines()) == ('', '')


def test_names_count_each_action_in_order_of_creation() -> None:
    story = Story()
    for number, action in enumerate(['A', 'B', 'A', 'A']):
        story.at(number, 'create', job=f'id-{number}', action=action)
    timeline = story.at(9, 'claim', job='id-2', action='A').at(9, 'unrun', job='alien').told()
    assert list(timeline.names.values()) == ['A#1', 'B#1', 'A#2', 'A#3', 'job#1']
    assert timeline.name('id-2') == 'A#2'
    assert timeline.name('unheard of') == 'unheard of'


def test_an_event_is_one_line_whatever_it_holds() -> None:
    story = Story().at(0, 'notify', channel='slack', text='one\ntwo\x1b[31m\udc80' + 'x' * 500)
    story.at(0, 'strange', thing='a b', when=after(90), nothing=None)
    lines = story.told().text().splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert len(lines[0]) < 260
    assert lines[1].endswith('strange  thing="a b" when=1m30s')


def test_a_job_for_later_shows_when_it_is_due() -> None:
    timeline = Story().at(5, 'create', job='a', action='A', run_at=after(3600)).told()
    assert timeline.text() == '5s  -  A#1  create  due 1h  a'


def test_json_lines_have_the_same_keys_in_the_same_order() -> None:
    records = [json.loads(line) for line in troubles().told().json_lines().splitlines()]
    assert {tuple(record) for record in records} == {
        ('at', 'time', 'kind', 'worker', 'job', 'name', 'detail')
    }
    failed = next(record for record in records if record['kind'] == 'outcome')
    assert failed['at'] == 5_000_000_000
    assert failed['time'] == '2026-01-01T00:00:05Z'
    assert failed['name'] == 'Flaky#1'
    assert list(failed['detail']) == ['error', 'run_at', 'status']
    assert failed['detail']['run_at'] == '2026-01-01T00:10:05Z'


def test_json_lines_hold_values_that_json_does_not_know() -> None:
    odd = {'b', 'a'}
    story = Story().at(0, 'x', odd=odd, deep={1: (after(0), float('nan'))}, path=Path('a'))
    detail = json.loads(story.told().json_lines())['detail']
    assert detail == {
        'odd': ['a', 'b'],
        'deep': {'1': ['2026-01-01T00:00:00Z', 'nan']},
        'path': 'a',
    }


def test_moments_keep_nanoseconds() -> None:
    timeline = Timeline(lambda: 0, START + timedelta(milliseconds=500))
    assert timeline.moment(1_000_000_001) == '2026-01-01T00:00:01.500000001Z'


def test_of_finds_the_events_of_one_job() -> None:
    timeline = troubles().told()
    assert [event.kind for event in timeline.of(job_id(3), 'claim', 'rescue')] == [
        'claim',
        'rescue',
        'claim',
    ]
    assert {event.job for event in timeline.of(job_id(3))} == {job_id(3)}
    assert timeline.of('unheard of') == []


def test_listeners_hear_each_event() -> None:
    timeline = Timeline(lambda: 65_000_000_511, START)
    heard: list[str] = []
    timeline.listeners.append(lambda event: heard.append(str(event)))
    timeline.add('stall', worker='w1', seconds=120)
    assert heard == ['1m5s w1 stall for 2m']


def test_save_goes_by_the_suffix(tmp_path: Path) -> None:
    timeline = flaky().told()
    assert timeline.save(tmp_path / 'x.txt').read_text() == timeline.text() + '\n'
    assert timeline.save(tmp_path / 'x.jsonl').read_text() == timeline.json_lines()
    assert timeline.save(str(tmp_path / 'x.html')).read_text().startswith('<!doctype html>')
    with pytest.raises(ValueError, match=r'not as .\.pdf'):
        timeline.save(tmp_path / 'x.pdf')
