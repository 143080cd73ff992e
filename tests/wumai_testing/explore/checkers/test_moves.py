"""What a committed change of a row may be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.wumai_testing.explore.history import History, Story, told
from tests.wumai_testing.explore.plans import plan
from wumai_testing.explore.application import App, load_app
from wumai_testing.explore.checkers.moves import Owners, Results, Retries
from wumai_testing.explore.driver import run
from wumai_testing.explore.plan import PlannedFault, PlannedJob


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


@pytest.mark.parametrize(('skips', 'fine'), [(True, False), (False, True)])
def test_what_an_unanswered_statement_locked_costs_a_job(skips: bool, fine: bool) -> None:
    """Where rows that are locked cannot be skipped: who waits for it gets the row at once."""

    def story(history: History) -> None:
        history.world.plan.server['skips_locked'] = skips
        rescued_after(10, 'connection mute')(history)

    assert (told(Owners, story) is None) == fine


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


def test_params_that_are_no_json_are_tried_once() -> None:
    def story(history: History) -> None:
        history.commits('app', 'bad', params='no json')
        run = history.claims('w1#1', 'bad')
        history.ends(run, 'raised BadParams')
        history.fails(run)

    assert told(Retries, story) == 'bad is tried again, its params are no JSON'


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


@pytest.mark.parametrize(
    ('error', 'fine'), [('Oops', True), ('the outcome cannot be stored: too long', False)]
)
def test_an_error_can_always_be_stored(error: str, fine: bool) -> None:
    """It is cut to what fits."""

    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.ends(run, 'raised ValueError')
        history.fails(run, error)

    assert (told(Results, story) is None) is fine


def test_the_watchdog_fails_a_try_before_its_end() -> None:
    """A try that would not end has failed when its grace was over, not when it ended at last."""
    stubborn = PlannedJob(0, 'Stubborn', {'times': 3, 'seconds': 12}, try_period=1, try_max=2)
    locked = PlannedFault(12, 'row lock', seconds=5)
    result = run(plan(stubborn, faults=[locked], exec_timeout=15, grace=0, lease=3), load_app())
    assert result.broken is None
    assert 'could not be ended' in result.text


def test_the_watchdog_hands_a_neighbour_back_at_once() -> None:
    """Its handler is stopped and has ended before; that makes it due no try_period later."""
    stubborn = PlannedJob(0, 'Stubborn', {'times': 200, 'seconds': 5}, try_period=2, try_max=1)
    slow = PlannedJob(6, 'Slow', {'seconds': 4.0}, try_period=20, try_max=3)
    options = {'exec_size': 2, 'exec_timeout': 2, 'lease': 6, 'grace': 5}
    result = run(plan(stubborn, slow, **options), load_app())
    assert result.broken is None
    assert 'worker lost; next try' in result.text


def test_a_result_is_what_the_worker_makes_of_it() -> None:
    """Of values that JSON lacks, and of what changes once it was returned."""
    seen: list[str] = []

    def value(job: Any) -> Any:
        seen.append(job.id)
        return datetime.now(UTC), date(2026, 1, 2), Decimal('1.50'), UUID(int=7), seen

    jobs = [PlannedJob(0, 'Value'), PlannedJob(0, 'Value')]
    assert run(plan(*jobs), App('app', {'Value': value})).broken is None
    assert len(seen) == 2


def test_another_result_than_the_handlers_is_told() -> None:
    def story(history: History) -> None:
        run = history.claims('w1#1', 'job')
        history.ends(run, result='1')
        history.finishes(run)

    assert told(Results, story) == "the result of job is 'null', its handler returned '1'"
