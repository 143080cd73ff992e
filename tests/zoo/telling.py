"""Messages that are lost, doubled, or tell what did not happen."""

from contextlib import suppress
from typing import Any

import gevent

from tests.zoo.base import TELLING, TWO, Real, Wrap, bug
from wumai.store.db_errors import StoreError
from wumai.worker.telling import failure


def _tell(writer: Any, claim: Any, outcome: Any) -> None:
    if outcome.error is not None:
        writer._runtime.notifier.failed(failure(claim, outcome))


def _done_silently(real: Real, writer: Any, entry: Any, written: bool) -> None:
    entry.outcome = entry.outcome._replace(error=None)
    real(writer, entry, written)


@bug(
    'wumai.worker.writer:OutcomeWriter.put',
    kind=TELLING,
    breaks=(9,),
    needs=(TWO,),
    issue='griffithlab/civic-server#661',
    title='Only enqueue notifications after commit',
    also={'wumai.worker.writer:OutcomeWriter._done': Wrap(_done_silently)},
)
def told_before_it_is_stored(real: Real, writer: Any, running: Any, outcome: Any) -> None:
    """A failure is told before its outcome is committed, which it may never be."""
    _tell(writer, running.claim, outcome)
    real(writer, running, outcome)


@bug(
    'wumai.notify.fanout:Fanout._tells',
    kind=TELLING,
    breaks=(9,),
    issue='collectiveidea/delayed_job#290',
    title='Added new callback, :failure_notify to get a callback for every failure',
)
def only_the_last_failure_is_told(real: Real, fanout: Any, notice: Any) -> bool:
    """Failed tries that are followed by another are told to nobody."""
    return bool(notice.gave_up)


@bug(
    'wumai.notify.fanout:Fanout._tells',
    kind=TELLING,
    breaks=(9,),
    issue='seomoz/qless-core#86',
    title="Jobs that exhaust retries don't publish to `failed` channel",
)
def giving_up_is_not_told(real: Real, fanout: Any, notice: Any) -> bool:
    """A job that has used up its tries ends in silence."""
    return not notice.gave_up


@bug(
    'wumai.worker.writer:OutcomeWriter._attempt',
    kind=TELLING,
    breaks=(9,),
    issue='actionhero/node-resque#142',
    title='multiple callbacks',
)
def told_at_each_attempt(real: Real, writer: Any, group: Any) -> None:
    """A failure is told each time that its outcome cannot be written, and then again."""
    try:
        real(writer, group)
    except StoreError:
        for entry in group:
            _tell(writer, entry.running.claim, entry.outcome)
        raise


@bug(
    'wumai.notify.fanout:Fanout.failed',
    kind=TELLING,
    breaks=(2, 7, 9),
    issue='slack-notifier/slack-notifier#17',
    title='Could you add default timeout?',
)
def channel_that_hangs_stops_the_worker(real: Real, fanout: Any, notice: Any) -> None:
    """Messages are sent by whoever writes outcomes, who waits for a channel that hangs."""
    for line in fanout._lines:
        with suppress(Exception):
            line._channel.send(notice.text)


@bug(
    'wumai.notify.fanout:_Line._attempt',
    kind=TELLING,
    breaks=(9, 12),
    issue='bensheldon/good_job#185',
    title='Call GoodJob.on_thread_error when Notifier thread raises exception',
)
def sender_dies_of_an_error(real: Real, line: Any, text: str) -> None:
    """What sends to a channel ends with the first error of that channel."""
    problem = real(line, text)
    if problem is not None:
        raise problem


@bug(
    'wumai.worker.writer:OutcomeWriter._done',
    kind=TELLING,
    breaks=(9,),
    needs=(TWO,),
    issue='timgit/pg-boss#286',
    title='expiration, onComplete and long running tasks',
)
def dropped_outcome_is_told(real: Real, writer: Any, entry: Any, written: bool) -> None:
    """The failure of a try that had lost its job is told, though nothing of it is stored."""
    real(writer, entry, written)
    if not written:
        _tell(writer, entry.running.claim, entry.outcome)


@bug(
    'wumai.worker.rescue:Rescuer._tell',
    kind=TELLING,
    breaks=(9,),
    needs=(TWO,),
    issue='sidekiq/sidekiq#3656',
    title='Web UI for stale jobs?',
)
def lost_worker_is_not_told(real: Real, rescuer: Any, *args: Any) -> None:
    """A try that ended with its worker is told to nobody."""


def _one_after_another(fanout: Any, notice: Any) -> None:
    with suppress(Exception):
        for line in fanout._lines:
            line._channel.send(notice.text)


@bug(
    'wumai.notify.fanout:Fanout.failed',
    kind=TELLING,
    breaks=(9,),
    issue='Untrivial-ai/agent-orchestrator#1937',
    title='bug(notifier): hanging delivery can block later notifiers and lifecycle polling',
)
def one_bad_channel_silences_the_others(real: Real, fanout: Any, notice: Any) -> None:
    """Channels are told one after another, and a failure of the first is the end of it."""
    gevent.spawn(_one_after_another, fanout, notice)
