"""What is told of failed tries."""

import pytest

from tests.wumai_testing.explore.history import History, told
from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import load_app
from wumai_testing.explore.checkers.base import CHANNELS
from wumai_testing.explore.checkers.telling import Messages
from wumai_testing.explore.driver import run
from wumai_testing.explore.ledger import APP
from wumai_testing.explore.plan import PlannedFault, PlannedJob


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


@pytest.mark.parametrize(
    ('trouble', 'stubborn', 'fine'),
    [('lost_after_commit', True, True), ('lost_after_commit', False, False), (None, True, False)],
)
def test_a_watchdog_tells_what_is_in_doubt_as_well(
    trouble: str | None, stubborn: bool, fine: bool
) -> None:
    """It writes the outcomes on their way again, and cannot know that they came through."""

    def story(history: History) -> None:
        history.creates('other')
        history.claims('w1#1' if stubborn else 'w2#1', 'other')
        history.passes(7)
        if trouble:
            history.trouble(trouble, 'w1')
        failed(history)
        text = TEXT.replace('10 UTC', '17 UTC')
        history.tells('slack', text)
        history.tells('slack', text)

    assert (told(Messages, story) is None) is fine


@pytest.mark.parametrize(('failures', 'fine'), [(25, True), (5, False)])
def test_what_is_folded_waits_for_the_end_of_its_minute(failures: int, fine: bool) -> None:
    """And for a channel that is ill then."""

    def story(history: History) -> None:
        for number in range(failures):
            job = f'job-{number}'
            history.creates(job)
            run = history.claims('w1#1', job)
            history.ends(run, 'raised RuntimeError')
            history.fails(run)
        history.passes(50)
        for channel in CHANNELS:
            history.trouble(f'{channel} error', None, 10)
        history.passes(100)
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


def test_two_rescues_in_one_second_may_both_be_told() -> None:
    """The row does not say whose it was, so who has no answer to its commit takes it for its own:
    once too often rather than never.
    """
    job = PlannedJob(0, 'Slow', {'seconds': 4}, try_period=1, try_max=2)
    crash = PlannedFault(3.5, 'crash', 'w1', seconds=40)
    lost = PlannedFault(4.0, 'lost_before_commit', 'w2')
    result = run(plan(job, faults=[crash, lost], workers=3), load_app())
    assert result.broken is None
    assert result.text.count('slack: Slow#1 try 1 of 2 failed: worker lost') == 2
