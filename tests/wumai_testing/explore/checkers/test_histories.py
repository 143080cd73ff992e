"""Each checker, fed with a history that keeps its rule, and with one that breaks it."""

from collections.abc import Callable

import pytest

from tests.wumai_testing.explore.history import History
from wumai_testing.explore.checkers.base import Checker
from wumai_testing.explore.checkers.clocks import Clocks
from wumai_testing.explore.checkers.ends import Stops
from wumai_testing.explore.checkers.follow import Losses, Outcomes, Watchdogs
from wumai_testing.explore.checkers.moves import Owners, Results, Retries
from wumai_testing.explore.checkers.pace import Turns
from wumai_testing.explore.checkers.telling import Messages
from wumai_testing.explore.ledger import APP

Story = Callable[[History], None]


def told(kind: type[Checker], story: Story, workers: int = 2) -> str | None:
    """What the checker has to say about a story."""
    history = History(kind, workers)
    history.creates('job')
    story(history)
    return history.broken.message if history.broken else None


# Who holds a job


def rescued_after(seconds: float, trouble: str | None = None, renewed_at: float = 0.0) -> Story:
    def story(history: History) -> None:
        history.claims('w1#1', 'job')
        if trouble:
            history.trouble(trouble, 'w1', seconds)
        history.passes(renewed_at)
        history.renews('w1#1', 'job')
        history.passes(seconds - renewed_at)
        history.rescues('w2#1', 'job')

    return story


def test_a_stalled_worker_may_lose_its_job() -> None:
    assert told(Owners, rescued_after(10, 'stall')) is None


@pytest.mark.parametrize('trouble', ['database down', 'clock step', 'lost_before_commit', None])
def test_nothing_else_costs_a_live_worker_its_job(trouble: str | None) -> None:
    assert told(Owners, rescued_after(10, trouble)) == 'w2#1 rescues job, whose worker lives'


def test_a_lease_and_a_third_of_it_have_to_pass() -> None:
    assert '7 s after it was renewed' in (told(Owners, rescued_after(7, 'stall')) or '')


def test_a_rescuer_has_seen_a_row_unchanged_whatever_clocks_show() -> None:
    def story(history: History) -> None:
        history.troubles.steps.append((0.0, 'w1', -100.0))
        rescued_after(10, 'stall', renewed_at=9)(history)

    assert 'rescues job' in (told(Owners, story) or '')


def test_who_has_lost_a_job_renews_it_no_more() -> None:
    def story(history: History) -> None:
        rescued_after(10, 'stall')(history)
        history.claims('w2#1', 'job')
        history.renews('w1#1', 'job')

    assert told(Owners, story) == 'w1#1 writes renew of job, which w2#1 holds'


# What must soon follow


def ended_and_nothing_written(history: History) -> None:
    history.ends(history.claims('w1#1', 'job'))
    history.passes(8)


def test_an_outcome_that_is_not_written() -> None:
    message = told(Outcomes, ended_and_nothing_written)
    assert message is not None
    assert 'no outcome is written' in message


def test_a_channel_is_no_excuse_for_an_outcome() -> None:
    def story(history: History) -> None:
        history.trouble('slack hang', None, 30)
        ended_and_nothing_written(history)

    assert told(Outcomes, story) is not None


def test_an_outage_is_one_and_its_end_is_its_end() -> None:
    def story(history: History) -> None:
        history.trouble('database down', None, 10)
        ended_and_nothing_written(history)

    def later(history: History) -> None:
        story(history)
        history.passes(20)

    assert told(Outcomes, story) is None
    assert told(Outcomes, later) is not None


def test_an_outcome_that_is_written_in_time() -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.ends(run)
        history.passes(4)
        history.finishes(run)
        history.passes(20)

    assert told(Outcomes, story) is None


@pytest.mark.parametrize('interrupted', [True, False])
def test_a_handler_whose_job_is_cancelled_is_interrupted(interrupted: bool) -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        run.interrupted = lambda: interrupted
        history.commits('app', 'job', status='error', error='cancelled', result=None)
        history.passes(5)

    assert (told(Losses, story) is None) is interrupted


@pytest.mark.parametrize('ends', [True, False])
def test_no_handler_outlives_the_watchdog(ends: bool) -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.passes(7)
        if ends:
            history.ends(run)
        history.passes(5)

    assert (told(Watchdogs, story) is None) is ends


# Times


@pytest.mark.parametrize(('minutes', 'fine'), [(1, True), (3, False)])
def test_a_step_of_a_clock_is_noticed_within_a_minute(minutes: int, fine: bool) -> None:
    def story(history: History) -> None:
        history.troubles.steps.append((0.0, 'w1', 3.0))
        history.clocks['w1#1'].error = 3.0
        history.passes(60 * minutes)
        history.claims('w1#1', 'job')

    assert (told(Clocks, story) is None) is fine


def test_params_that_are_no_json_are_tried_once() -> None:
    def story(history: History) -> None:
        history.commits('app', 'bad', params='no json')
        run = history.claims('w1#1', 'bad')
        history.ends(run, 'raised BadParams')
        history.fails(run)

    assert told(Retries, story) == 'bad is tried again, its params are no JSON'


@pytest.mark.parametrize(('workers', 'fine'), [(1, False), (2, True)])
def test_what_is_due_first_begins_first_where_one_worker_is_alone(workers: int, fine: bool) -> None:
    def story(history: History) -> None:
        history.passes(10)
        history.creates('later')
        history.passes(2)
        history.claims('w1#1', 'later')

    assert (told(Turns, story, workers) is None) is fine


# Stops and messages


@pytest.mark.parametrize(('trouble', 'fine'), [('stall', True), ('deadlock', False)])
def test_a_watchdog_that_stood_still_hands_back_late(trouble: str, fine: bool) -> None:
    """Its process begins nothing more, whatever it still claims."""

    def story(history: History) -> None:
        stubborn = history.claims('w1#1', 'job')
        history.creates('other')
        history.passes(7)
        history.trouble(trouble, 'w1', 20)
        history.ends(stubborn, 'interrupted: TryTimeout')
        history.passes(20)
        history.claims('w1#1', 'other')
        history.world.ledger.runs[-1].began_at = None
        history.commits('w1#1', 'other', status='pending', result=None, trys=0)

    assert (told(Results, story) is None) is fine


@pytest.mark.parametrize(('seconds', 'fine'), [(3, True), (6, False)])
def test_a_stop_takes_grace_and_a_little_more(seconds: float, fine: bool) -> None:
    def story(history: History) -> None:
        history.trouble('stop', 'w1')
        history.world.stopping['w1#1'] = history.now
        history.passes(seconds)
        history.exits('w1#1', 0)

    assert (told(Stops, story) is None) is fine


@pytest.mark.parametrize(
    ('code', 'stalled', 'fine'),
    [(0, None, True), (1, None, False), (1, 'w2', True), (75, None, True)],
)
def test_a_stop_ends_well_unless_something_holds_it_up(
    code: int, stalled: str | None, fine: bool
) -> None:
    """Whoever stands still may hold the row that is to be written; of the watchdog others judge."""

    def story(history: History) -> None:
        if stalled:
            history.trouble('stall', stalled, 10)
        history.trouble('stop', 'w1')
        history.world.stopping['w1#1'] = history.now
        history.passes(1)
        history.exits('w1#1', code)

    assert (told(Stops, story) is None) is fine


def failed(history: History) -> None:
    run = history.claims('w1#1', 'job')
    history.ends(run, 'raised RuntimeError')
    history.fails(run)


TEXT = 'Work job try 1 of 3 failed: Oops; next try 2026-01-01 00:00:10 UTC'


def test_a_message_is_of_the_try_that_could_tell_it() -> None:
    """The first of two that read alike was lost with its process."""

    def story(history: History) -> None:
        run = history.claims('w2#1', 'job')
        history.ends(run, 'raised RuntimeError')
        history.fails(run)
        history.exits('w2#1', None)
        history.commits(APP, 'job', status='pending', trys=0)
        failed(history)
        history.tells('slack', TEXT)
        history.tells('sms', TEXT)
        history.checker.over()

    assert told(Messages, story) is None


def test_each_channel_is_told_once_of_what_is_committed() -> None:
    def story(history: History) -> None:
        failed(history)
        history.tells('slack', TEXT)
        history.tells('sms', TEXT)
        history.checker.over()

    def twice(history: History) -> None:
        story(history)
        history.tells('sms', TEXT)

    def of_another_error(history: History) -> None:
        failed(history)
        history.tells('slack', TEXT.replace('Oops', 'worker lost'))

    assert told(Messages, story) is None
    assert 'told twice' in (told(Messages, twice) or '')
    assert 'what is not committed' in (told(Messages, of_another_error) or '')


@pytest.mark.parametrize(
    ('trouble', 'seconds', 'fine'),
    [('lost_after_commit', 1, True), ('lost_after_commit', 10, False), ('deadlock', 1, False)],
)
@pytest.mark.parametrize('cancelled', [True, False])
def test_a_row_may_change_before_a_commit_in_doubt_is_asked_for(
    trouble: str, seconds: float, cancelled: bool, fine: bool
) -> None:
    """It shows the end of a later try then, or a cancel: how the first one ended, nobody knows."""

    def story(history: History) -> None:
        history.trouble(trouble, 'w1', 5)
        failed(history)
        history.passes(seconds)
        if cancelled:
            history.commits(APP, 'job', status='error', error='cancelled')
        else:
            history.finishes(history.claims('w2#1', 'job'))
        history.passes(20)
        history.checker.over()

    assert (told(Messages, story) is None) is fine


@pytest.mark.parametrize(('code', 'fine'), [(None, True), (75, True), (0, False)])
def test_a_process_that_was_killed_tells_no_more(code: int | None, fine: bool) -> None:
    def story(history: History) -> None:
        failed(history)
        history.passes(1)
        history.exits('w1#1', code)
        history.checker.over()

    assert (told(Messages, story) is None) is fine


def test_one_channel_is_no_excuse_for_the_other() -> None:
    def story(history: History) -> None:
        history.trouble('slack down', None, 30)
        failed(history)
        history.checker.over()

    assert told(Messages, story) == 'sms is never told of try 1 of job'
