"""Breaks of the product: each replaces a function or a constant, as a bug would change it.

They are listed at the end; noticed.txt says which scenarios must notice each of them.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import flask
import gevent
import pytest
from sqlalchemy import text

from wumai import iaas_error, project_error
from wumai.api import app, envelope, router
from wumai.config import CONF, Config
from wumai.job import Claim, TryTimeout
from wumai.model import job as jobs
from wumai.model import operation
from wumai.notify import base, fanout, slack, sms
from wumai.runtime import Wakeups
from wumai.server.worker import Worker
from wumai.store import columns, rows, sql
from wumai.store.db_errors import StoreError
from wumai.worker import actions, ahead, executor, heartbeat, loop, outcome, rescue, running, writer
from wumai_testing import node, simulation

Patch = Callable[[pytest.MonkeyPatch], None]


def put(owner: Any, name: str, value: Any) -> Patch:
    """`value` in the place of what `owner` has under `name`."""
    return lambda patch: patch.setattr(owner, name, value)


def wrap(owner: Any, name: str, around: Callable[..., Any]) -> Patch:
    """`around(real, ...)` in the place of the function `real`."""
    real = vars(owner)[name]
    return put(owner, name, lambda *args, **kwargs: around(real, *args, **kwargs))


def all_of(*patches: Patch) -> Patch:
    def apply(patch: pytest.MonkeyPatch) -> None:
        for one in patches:
            one(patch)

    return apply


class _Never(Exception):
    """Put in the place of an exception that is to be told from others."""


def _told_by_exact_class(real: Any, error: Any) -> Any:
    return real(error if type(error).__module__.startswith('wumai.') else RuntimeError())


def _outspoken(real: Any, error: Any) -> Any:
    code, status, message, data = real(error)
    return code, status, message if code != 5000 else str(error), data


def _forgives_exits(real: Any, app: Any, error: Any, environ: Any) -> Any:
    return flask.Response('{}') if isinstance(error, SystemExit) else real(app, error, environ)


def _careless_success(result: Any, *, pretty: bool = False) -> envelope.Answer:
    return envelope.Answer(0, 200, json.dumps(result, default=str, indent=pretty).encode())


def _careless_body(body: bytes) -> Any:
    return json.loads(body.decode('utf-8', 'replace'))


def _careless_call(body: bytes) -> envelope.Call:
    params = envelope._read_object(body)
    return envelope.Call(params.get('action', ''), params)


def _narrow_content_type(real: Any, content_type: str | None) -> None:
    real('text/plain' if content_type != envelope.JSON else content_type)


def _other_code(real: Any, error: Any) -> Any:
    refusal = real(error)
    refusal.code = 4999
    return refusal


def _strict_encode(encoder: Any, value: Any) -> bytes:
    return encoder.encode(value).encode()


def _one_more(real: Any, claim: Claim, error: str, now: datetime) -> Any:
    return real(claim._replace(try_max=claim.try_max + 1), error, now)


def _counted(real: Any, *args: Any) -> Any:
    return real(*args)._replace(uncount=False)


def _ten_at_least(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=max(10.0, seconds))


def _nulls_end(real: Any, row: dict[str, Any]) -> Any:
    return 'no run_at' if row['run_at'] is None else real(row)


def _lasting_error(real: Any, store: Any, outcomes: Any, now: datetime) -> Any:
    return real(store, [one._replace(error=one.error or 'an old error') for one in outcomes], now)


def _whoever_holds_it(real: Any, store: Any, fences: Any, now: datetime) -> Any:
    rows = {fence: store.get_job(fence[0]) for fence in fences}
    running = {fence for fence, row in rows.items() if row and row.status == 'running'}
    real(store, {(fence[0], rows[fence].result) for fence in running}, now)
    return running, set(fences) - running


def _unfenced(real: Any, store: Any, outcomes: Any, now: datetime) -> Any:
    seize = text("UPDATE job SET status = 'running', result = :token WHERE id = :id")
    with store._writing() as connection:
        for one in outcomes:
            connection.execute(seize, {'id': one.id, 'token': one.token})
    return real(store, outcomes, now)


def _keeps_trys(real: Any, store: Any, job_id: str, origins: Any, values: Any, session: Any) -> Any:
    values.pop('trys', None)
    return real(store, job_id, origins, values, session)


def _limit(factor: float) -> Patch:
    def init(real: Any, self: Any, runtime: Any, options: Any, *rest: Any) -> None:
        options = replace(options, exec_timeout=options.exec_timeout * factor)
        real(self, runtime, options, *rest)

    return wrap(executor.Executor, '__init__', init)


def _any_timeout_is_ours(real: Any, job: Any, seconds: float) -> None:
    try:
        real(job, seconds)
    except gevent.Timeout:
        raise TryTimeout('timeout') from None


def _throw_unnoted(one: Any, reason: Any) -> None:
    one.greenlet.throw(reason)


def _recent(real: Any, store: Any, until: datetime, *window: int) -> Any:
    since = until - timedelta(seconds=2)
    return [one for one in real(store, until, *window) if one.run_at is None or one.run_at >= since]


def _an_hour_early(real: Any, store: Any, ids: Any, limit: int, token: str, now: datetime) -> Any:
    return real(store, ids, limit, token, now + timedelta(hours=1))


def _an_hour_ahead(real: Any, store: Any, until: datetime, *window: int) -> Any:
    return real(store, until + timedelta(hours=1), *window)


def _local_time(real: Any, clock: Any) -> datetime:
    zone = ZoneInfo(CONF.get('TZ', 'UTC'))
    return real(clock).replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def _naive_is_local(real: Any, run_at: datetime, now: datetime) -> datetime:
    return real(run_at.astimezone(UTC).replace(tzinfo=None), now)


def _one_by_one(jobs_: Any) -> list[str]:
    return [jobs.Job.create(**one) for one in jobs_]


def _always_waits(real: Any, self: Any) -> float:
    return real(self) or self._poll


def _no_lease(real: Any, self: Any, runtime: Any, running: Any, lease: float) -> None:
    real(self, runtime, running, 0.001)
    self._unchanged = 0.0


def _one_look(real: Any, self: Any, *args: Any) -> None:
    real(self, *args)
    self._third = self._unchanged = 0.0


def _rescue_tomorrow(real: Any, store: Any, row: Any, before: Any, now: Any, in_time: Any) -> Any:
    return real(store, row, before, now + timedelta(days=1), in_time)


def _rescue_uncounted(real: Any, store: Any, row: Any, *rest: Any) -> Any:
    return real(store, replace(row, trys=0), *rest)


def _leased_only(real: Any, *args: Any) -> Any:
    return [row for row in real(*args) if row.updated is not None]


def _first_worker_only(real: Any, self: Any) -> float:
    is_first = self._runtime.worker_name.startswith('w1#')
    return float(real(self) if is_first else self._poll)


def _one_attempt(real: Any, self: Any, group: Any) -> None:
    try:
        real(self, group)
    except StoreError:
        for entry in group:
            entry.running.settled = True
            self._running.remove(entry.running)


def _tells_at_once(real: Any, self: Any, one: Any, result: Any) -> None:
    if result.error is not None:
        self._runtime.notifier.failed(writer.failure(one.claim, result))
    real(self, one, result)


def _held_whatever_is_stored(store: Any, ids: Any, token: str) -> list[Claim]:
    found = [store.get_job(one) for one in ids]
    claims = [
        Claim(r.id, token, r.action, r.project_id, r.params, r.created, 600, 3, 1) for r in found
    ]
    store._claimed(claims)
    return claims


def _impatient(self: Any) -> bool:
    self._runtime.worker_store.problems(self.tables)
    return True


def _tells_all(real: Any, self: Any, entry: Any, written: bool) -> None:
    real(self, entry, written)
    if entry.outcome.error is None:
        self._runtime.notifier.failed(writer.failure(entry.running.claim, entry.outcome))


def _first_line_only(real: Any, self: Any, notice: Any) -> None:
    del self._lines[1:]
    real(self, notice)


def _both_or_none(real: Any, conf: Any) -> Any:
    return found if len(found := real(conf)) != 1 else []


def _waits_for_a_channel(real: Any, self: Any, notice: Any) -> None:
    while not self._lines:
        gevent.sleep(60)
    real(self, notice)


def _sends_itself(self: Any, notice: Any) -> None:
    for line in self._lines:
        line._channel.send(notice.text)


def _new_spelling(cls: Any, conf: Any) -> Any:
    names = ('NOTIFY_SMS_URL', 'NOTIFY_SMS_KEY', 'NOTIFY_SMS_SECRET', 'NOTIFY_SMS_MOBILES')
    return {name: conf.get(name) for name in names}


def _always_gave_up(real: Any, claim: Claim, outcome: Any) -> Any:
    return replace(real(claim, outcome), next_try=None)


def _whole_failure(claim: Claim, outcome: Any) -> Any:
    return writer.failure.__globals__['notice'](claim, outcome.error, outcome.run_at)


def _leaves(real: Any, claim: Claim, ending: Any, now: datetime) -> Any:
    if isinstance(ending.raised, SystemExit):
        raise RuntimeError('the worker has left')
    return real(claim, ending, now)


def _takes_paused(real: Any, store: Any, *args: Any) -> Any:
    with store._writing() as connection:
        connection.execute(text("UPDATE job SET status = 'pending' WHERE status = 'paused'"))
    return real(store, *args)


def _plain_error(real: Any, value: Any) -> str:
    try:
        return str(real(value))
    except outcome.BadResult as error:
        raise ValueError(str(error)) from None


def _ascii(real: Any, value: Any) -> str:
    plain = json.dumps(json.loads(real(value)), ensure_ascii=False)
    return plain.encode('ascii', 'replace').decode()


ERRORS = [
    router.UnknownAction,
    iaas_error.InvalidRequestParameter,
    project_error.AccessKeyExpired,
    project_error.AccessKeyInvalid,
    iaas_error.ResourceNotBelongsToProject,
    iaas_error.ResourceNotFound,
    iaas_error.ResourceActionForbiden,
    iaas_error.ResourceIsBusy,
    iaas_error.ResourceActionUnsupported,
    project_error.ResourceQuotaNotEnough,
    project_error.ProjectDuplicated,
    project_error.ManageAccessKeyInvalid,
    project_error.ProjectNotFound,
    project_error.AccessKeyDuplicated,
    project_error.AccessKeyNotFound,
    iaas_error.IaasProviderActionError,
    iaas_error.ActionsPartialSuccessError,
]

BREAKS: dict[str, Patch] = {
    **{f'the code of {error.__name__} is another': put(error, 'code', 4999) for error in ERRORS},
    'only the errors of wumai are told by their class': wrap(
        envelope, '_told', _told_by_exact_class
    ),
    'a 5000 tells the text of its exception': wrap(envelope, '_told', _outspoken),
    'an exit in a handler of the api is a success': wrap(app.ApiApp, '_failed', _forgives_exits),
    'any result is sent, as text if need be': put(envelope, 'success', _careless_success),
    # Requests
    'a body is read with json.loads and no care': put(envelope, '_read_object', _careless_body),
    'an action is not looked at': put(envelope, 'read_call', _careless_call),
    'bodies of 2 MiB are read': put(Config, 'max_body', 2 << 20),
    'no content type is refused': put(envelope, 'check_content_type', lambda _: None),
    'all content types but one are refused': wrap(
        envelope, 'check_content_type', _narrow_content_type
    ),
    'what Flask refuses has a code of its own': wrap(app, '_refusal', _other_code),
    'GET / tells nothing': put(app.ApiApp, '_about', lambda _: ''),
    'any request id is kept': put(envelope, 'is_context_id', lambda _: True),
    'an answer is UTF-8 or nothing': put(envelope, '_encode', _strict_encode),
    # Tries
    'a failed try is due again at once': put(outcome, 'later', lambda now, _seconds: now),
    'a job has a try more than try_max': wrap(outcome, 'failed', _one_more),
    'GiveUp is a failure like others': put(outcome, 'GiveUp', _Never),
    'a release counts as a try': all_of(
        wrap(outcome, 'release', _counted), wrap(executor, 'release', _counted)
    ),
    'RunLater waits ten seconds at least': put(outcome, 'later', _ten_at_least),
    'a row without run_at ends unrun': wrap(rows, '_unrunnable', _nulls_end),
    'a try_max of 0 is no try': put(
        rows, 'effective_try_max', lambda number: 3 if number is None else int(number)
    ),
    'no try is the last': put(running.RunningJob, 'is_last_try', False),
    'a job that is made or due wakes no worker': put(Wakeups, 'created', lambda _: None),
    'an outcome keeps the error of another': wrap(sql.SqlStore, 'write', _lasting_error),
    'a retry by hand keeps the tries that were used': wrap(sql.SqlStore, '_move', _keeps_trys),
    'a cancel does nothing': put(sql.SqlStore, 'cancel', lambda *_: True),
    'a lease that is lost stops no handler': put(heartbeat, '_lose', lambda _: None),
    'a handler is not told its project': put(running.RunningJob, 'project_id', None),
    # Timeouts
    'exec_timeout strikes at half time': _limit(0.5),
    'exec_timeout never strikes': _limit(1000),
    'a handler that swallows its timeout gets away with it': put(
        executor, '_throw', _throw_unnoted
    ),
    'a handler is interrupted ten times a second': put(executor, 'REPEAT', 0.1),
    'a handler is interrupted once': put(executor, 'REPEAT', 3600.0),
    'any gevent.Timeout counts as exec_timeout': wrap(
        running.RunningJob, 'sleep', _any_timeout_is_ours
    ),
    'the watchdog sleeps': put(heartbeat.Leases, '_is_overdue', lambda *_: False),
    # When jobs run
    'what is overdue is forgotten': wrap(sql.SqlStore, 'candidates', _recent),
    'jobs are taken an hour early': all_of(
        put(ahead, '_is_due', lambda *_: True),
        wrap(sql.SqlStore, 'candidates', _an_hour_ahead),
        wrap(sql.SqlStore, 'claim', _an_hour_early),
    ),
    'a due time is rounded down': put(jobs, 'ceil_second', jobs.floor_second),
    'a naive time is one of the time zone': wrap(jobs, '_due', _naive_is_local),
    'the clock shows the time of the time zone': wrap(node.NodeClock, 'now', _local_time),
    'exec_size is not looked at': put(running.Running, 'free', 100),
    'a place that becomes free waits for the next poll': put(
        loop.Loop, 'place_freed', lambda _: None
    ),
    'each claim waits for the next poll': wrap(loop.Loop, '_turn', _always_waits),
    'jobs are made and not stored': put(jobs, '_insert_alone', lambda *_: None),
    'a job is stored apart from its transaction': put(jobs.db, 'current_session', lambda: None),
    'jobs made together are stored one by one': put(
        jobs.Job, 'create_many', staticmethod(_one_by_one)
    ),
    # Workers
    'nobody is rescued': put(rescue.Rescuer, 'look', lambda _: None),
    'leases are not waited for': all_of(
        wrap(rescue.Rescuer, '__init__', _no_lease),
        put(simulation.Simulation, '_next_due', lambda _: 0),  # leave out no look
    ),
    'leases are not renewed': put(sql.SqlStore, 'renew', lambda *_: (set(), set())),
    'a lease is renewed whoever holds it': wrap(sql.SqlStore, 'renew', _whoever_holds_it),
    'a rescued job is due tomorrow': wrap(sql.SqlStore, 'rescue', _rescue_tomorrow),
    'a try that ended in a rescue is not counted': wrap(sql.SqlStore, 'rescue', _rescue_uncounted),
    'a row that runs under no lease is left alone': wrap(sql.SqlStore, 'expired', _leased_only),
    'outcomes are written without the fence': wrap(sql.SqlStore, 'write', _unfenced),
    'only one of the workers takes jobs': wrap(loop.Loop, '_turn', _first_worker_only),
    'a stop waits for nothing': put(Worker, '_wind_down', lambda *_: True),
    'a worker that stops goes on taking jobs': put(loop.Loop, 'stop', lambda _: None),
    # The database
    'a failed turn ends the loop': put(loop.Loop, '_guarded_turn', lambda self: self._turn()),
    'an outcome that fails is forgotten': wrap(writer.OutcomeWriter, '_attempt', _one_attempt),
    'a failure is told before it is stored': wrap(writer.OutcomeWriter, 'put', _tells_at_once),
    'one look is enough for a rescue': wrap(rescue.Rescuer, '__init__', _one_look),
    'a worker does not wait for the database': put(Worker, '_await_database', _impatient),
    'a claim in doubt has taken all': put(
        simulation.RecordingStore, 'held', _held_whatever_is_stored
    ),
    'a claim in doubt has taken nothing': put(loop.Loop, '_settle', lambda *_: []),
    'an outcome in doubt is stored': put(
        simulation.RecordingStore, 'written', lambda _, group: ({one.id for one in group}, set())
    ),
    'an outcome in doubt is not stored': put(
        simulation.RecordingStore, 'written', lambda _, group: (set(), {one.id for one in group})
    ),
    'an insert in doubt is an error': put(jobs, 'InDoubt', _Never),
    'an insert is sent once': put(jobs, 'ATTEMPTS', 1),
    'an insert is sent until it is stored': put(jobs, 'ATTEMPTS', 1000),
    # Channels
    'Slack is told nothing': put(slack.Slack, 'send', lambda *_: None),
    'SMS is told nothing': put(sms.Sms, 'send', lambda *_: None),
    'the old spelling is forgotten': put(sms.Sms, 'settings', classmethod(_new_spelling)),
    'the first channel alone is told': wrap(fanout.Fanout, 'failed', _first_line_only),
    'channels are on both or none': wrap(simulation, 'channels_from', _both_or_none),
    'a failure waits for a channel': wrap(fanout.Fanout, 'failed', _waits_for_a_channel),
    'each message says that the job gave up': wrap(writer, 'failure', _always_gave_up),
    'each outcome is told': wrap(writer.OutcomeWriter, '_done', _tells_all),
    'a rescue is not told': put(rescue.Rescuer, '_tell', lambda *_: None),
    'a message tells all of an error': all_of(
        put(base, 'clean', str), put(writer, 'failure', _whole_failure)
    ),
    'nothing is masked': all_of(put(base, 'mask_text', str), put(operation, 'mask', dict)),
    'what Slack reads as markup is sent as it is': put(slack, '_ENTITIES', {}),
    'a message is sent once': put(fanout, 'PAUSES', ()),
    'outcomes wait for the channels': put(fanout.Fanout, 'failed', _sends_itself),
    'there is no digest': put(fanout, 'PER_WINDOW', 1000),
    'a stop drops what waits': put(fanout.Fanout, 'flush', lambda *_: True),
    # Rows that are bad
    'bad params are a failure like others': put(outcome, 'BadParams', _Never),
    'empty params are no JSON': put(executor, 'load_params', json.loads),
    'an unknown action is final': put(outcome, 'GiveUp', actions.UnknownAction),
    'no result is too large': put(columns.ColumnLimits, 'holds', lambda *_: True),
    'a bad result is a failure like others': wrap(executor, 'dump_result', _plain_error),
    'a result is plain JSON or nothing': put(executor, 'dump_result', json.dumps),
    'errors are stored as they are': put(
        columns.ColumnLimits, 'fitting', lambda _self, _column, message: message
    ),
    'a result is stored in ASCII': wrap(executor, 'dump_result', _ascii),
    'every exception can be printed': put(outcome, '_message', str),
    'an exit in a handler leaves the worker': wrap(executor, 'decide', _leaves),
    'tries that are used up are not looked at': put(rows, '_unrunnable', lambda _: None),
    'any status is pending': wrap(sql.SqlStore, 'candidates', _takes_paused),
    'what failed is not journalled': put(operation, '_write_failure', lambda *_: None),
}
