"""What the chart of a timeline is made of."""

import pytest

from tests.wumai_testing.story import Story, crowd, flaky, job_id, troubles
from wumai_testing.timeline_chart import Bar, Chart, breaks_of, chart_of

S = 1_000_000_000


def bars_of(chart: Chart, number: int) -> list[Bar]:
    return [bar for bar in chart.bars if bar.job == job_id(number)]


def only(chart: Chart, number: int) -> Bar:
    (bar,) = bars_of(chart, number)
    return bar


def test_a_try_lasts_from_its_claim_to_its_outcome() -> None:
    chart = chart_of(flaky().told())
    assert [(bar.how, bar.start // S, (bar.end or 0) // S, bar.n, bar.m) for bar in chart.bars] == [
        ('failed', 0, 5, 1, 3),
        ('failed', 605, 610, 2, 3),
        ('finished', 1210, 1215, 3, 3),
    ]
    assert chart.bars[0].error == 'ValueError: </script><img src=x onerror=alert(1)>'
    assert chart.bars[0].due == 605 * S
    assert chart.states == {job_id(1): 'finished'}


def test_a_timeout_is_told_from_a_failure() -> None:
    assert only(chart_of(troubles().told()), 2).how == 'timeout'


def test_a_crash_ends_the_handler_and_the_rescue_the_try() -> None:
    lost, again = bars_of(chart_of(troubles().told()), 3)
    assert (lost.how, lost.ran, lost.end) == ('lost', 20 * S, 80 * S)
    assert (again.how, again.worker) == ('finished', 'w1')


def test_a_stalled_worker_goes_on_after_it_lost_its_try() -> None:
    bar = only(chart_of(troubles().told()), 4)
    assert (bar.how, bar.end, bar.ran) == ('lost', 95 * S, 152 * S)


def test_a_release_is_no_failure() -> None:
    assert only(chart_of(troubles().told()), 5).how == 'released'


def test_what_has_not_ended_runs_to_the_end() -> None:
    chart = chart_of(troubles().told())
    bar = only(chart, 6)
    assert (bar.how, bar.end, bar.ran) == ('running', None, chart.end)
    assert chart.states[job_id(6)] == 'running'


def test_a_claim_read_again_is_one_try() -> None:
    story = Story()
    for at in 0, 1:
        story.at(at, 'claim', worker='w1', job='a', action='A', n=1, m=3)
    assert len(chart_of(story.told()).bars) == 1


def test_a_cancelled_try_says_so() -> None:
    story = Story().at(0, 'claim', worker='w1', job='a', action='A', n=1, m=3)
    chart = chart_of(story.at(4, 'cancel', job='a').told())
    assert [(bar.how, bar.end) for bar in chart.bars] == [('cancelled', 4 * S)]
    assert chart.states == {'a': 'cancelled'}


def test_bands_show_stalls_crashes_exits_and_faults_that_last() -> None:
    chart = chart_of(troubles().told())
    assert {(b.where, b.kind, b.start // S, b.end // S) for b in chart.bands} == {
        ('w2', 'crashed', 20, 1215),
        ('w3', 'stalled', 31, 151),
        ('w3', 'exited', 166, 1215),
        ('all', 'down', 100, 125),
    }


def test_a_start_ends_the_crash_and_a_resume_the_stall() -> None:
    story = Story().at(1, 'crash', worker='w1').at(5, 'worker', worker='w1', state='start')
    story.at(6, 'stall', worker='w1').at(8, 'resume', worker='w1').at(9, 'call', action='A')
    bands = chart_of(story.told()).bands
    assert [(band.kind, band.start // S, band.end // S) for band in bands] == [
        ('crashed', 1, 5),
        ('stalled', 6, 8),
    ]


def test_a_message_is_marked_with_the_job_that_it_names() -> None:
    (mark,) = [mark for mark in chart_of(flaky().told()).marks if mark.kind == 'notify']
    assert (mark.at, mark.job) == (5 * S, job_id(1))


def test_tries_at_one_time_have_rows_of_their_own() -> None:
    story = Story().tried(0, 10, 'a').tried(0, 0, 'b').tried(0, 0, 'c').tried(11, 12, 'd')
    assert [bar.slot for bar in chart_of(story.told()).bars] == [0, 1, 2, 0]


def test_even_gaps_are_not_shortened() -> None:
    story = Story()
    for number in range(5):
        story.tried(number * 600, number * 600, f'job {number}')
    assert breaks_of(chart_of(story.told())) == []


def test_long_idle_gaps_are_shortened_and_longer_ones_look_longer() -> None:
    story = Story().tried(0, 5, 'a').tried(10, 15, 'b').tried(86400, 86405, 'c')
    gaps = breaks_of(chart_of(story.tried(86400 * 300, 86400 * 300 + 5, 'd').told()))
    assert [(gap.start // S, gap.end // S) for gap in gaps] == [(15, 86400), (86405, 25920000)]
    assert 0 < gaps[0].width < gaps[1].width < 60 * S


@pytest.mark.parametrize('years', [1, 10, 100])
def test_years_with_seconds_of_work_show_the_work(years: float) -> None:
    chart = chart_of(crowd(600, years).told())
    gaps = breaks_of(chart)
    hidden = sum(gap.end - gap.start - gap.width for gap in gaps)
    assert len(gaps) == 119
    assert chart.end - hidden < 2000 * S


def test_an_empty_timeline_has_an_empty_chart() -> None:
    chart = chart_of(Story().told())
    assert (chart.end, chart.bars, breaks_of(chart)) == (0, [], [])
