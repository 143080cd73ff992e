"""What every store keeps, on every kind of database."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.store.conftest import NOW, columns_of, put, put_plain, read_only, row, take
from wumai.job import (
    CANCELLED,
    ERROR,
    FINISHED,
    PENDING,
    WORKER_LOST,
    Claim,
    Outcome,
    make_token,
)
from wumai.store import prepared
from wumai.store.base import Candidate, JobFilter
from wumai.store.db_errors import Rejected, Unavailable

SECOND = timedelta(seconds=1)


def outcome(job_id='job-1', token='token', status=FINISHED, **values):
    return Outcome(job_id, token, status, **values)


class TestRows:
    """Insert, get, list."""

    def test_a_row_comes_back_as_it_was(self, store):
        """All columns, with text of every kind."""
        wanted = row(params='{"a": "\U0001f600 ü\\n"}', error='e', result='r', trys=2)
        put(store, wanted)
        assert store.get_job('job-1') == wanted

    def test_nulls_come_back_as_none(self, store):
        """Only id, action and status are there for certain."""
        put_plain(store, id='job-1', action='Act', status='pending')
        found = store.get_job('job-1')
        assert (found.run_at, found.params, found.trys, found.created) == (None,) * 4

    def test_an_unknown_id_is_none(self, store):
        """No row, no error."""
        assert store.get_job('job-1') is None

    def test_all_rows_or_none_are_inserted(self, store):
        """A doubled id is rejected with everything that came with it."""
        with pytest.raises(Rejected):
            put(store, row('job-1'), row('job-2'), row('job-1'))
        assert store.list_jobs(JobFilter()) == []

    def test_times_are_stored_without_their_fraction(self, store):
        """Cut, and not rounded up as MySQL would: a job is never due before its time."""
        put(store, row(created=NOW + timedelta(milliseconds=700)))
        assert store.get_job('job-1').created == NOW

    def test_a_list_goes_by_id_and_in_pages(self, store):
        """`after` is the last id of the page before, in either direction."""
        put(store, *(row(f'job-{n}') for n in range(5)))

        def ids(**wanted):
            return [found.id for found in store.list_jobs(JobFilter(**wanted))]

        assert ids(limit=2) == ['job-0', 'job-1']
        assert ids(limit=2, after='job-1') == ['job-2', 'job-3']
        assert ids(limit=2, newest_first=True) == ['job-4', 'job-3']
        assert ids(limit=9, newest_first=True, after='job-3') == ['job-2', 'job-1', 'job-0']
        assert ids(limit=2, after='job-4') == []

    def test_a_list_is_filtered(self, store):
        """By status, action and project, all at once."""
        put(
            store,
            row('job-1'),
            row('job-2', status='error'),
            row('job-3', action='Other'),
            row('job-4', project_id='q'),
        )

        def ids(**wanted):
            return [found.id for found in store.list_jobs(JobFilter(**wanted))]

        assert ids(status='error') == ['job-2']
        assert ids(action='Other') == ['job-3']
        assert ids(project_id='q') == ['job-4']
        assert ids(status='pending', action='Act', project_id='p') == ['job-1']

    @pytest.mark.parametrize('opened_as', ['connection', 'session'])
    def test_a_joined_insert_is_the_transactions(self, store, opened_as):
        """With a connection or a session, its commit decides."""
        with store.engine.connect() as connection:
            joined = connection if opened_as == 'connection' else Session(connection)
            store.insert_jobs([row('job-1')], joined)
            joined.rollback()
            store.insert_jobs([row('job-2')], joined)
            joined.commit()
        assert [found.id for found in store.list_jobs(JobFilter())] == ['job-2']

    def test_joined_reads_and_moves_see_the_transaction(self, store):
        """What is not committed yet is there for those who join."""
        with store.engine.connect() as connection:
            store.insert_jobs([row()], connection)
            assert store.get_job('job-1', connection).id == 'job-1'
            assert store.cancel('job-1', NOW, connection)
            assert store.retry('job-1', NOW, connection)
            assert [j.status for j in store.list_jobs(JobFilter(), connection)] == ['pending']
        assert store.get_job('job-1') is None

    def test_operations_are_written(self, store):
        """A row of the journal, alone or joined."""
        values = {'id': 'op-1', 'action': 'Act', 'ret_code': 0, 'created': NOW, 'updated': NOW}
        store.insert_operation(values)
        with store.engine.connect() as connection:
            store.insert_operation({**values, 'id': 'op-2'}, connection)
            connection.rollback()
            found = connection.execute(text('SELECT id, ret_code FROM operation')).all()
        assert [tuple(one) for one in found] == [('op-1', 0)]


class TestCandidates:
    """Which rows a worker may want."""

    def test_the_earliest_come_first(self, store):
        """NULL is due at once, and so before all others."""
        put(
            store,
            row('job-1', run_at=NOW),
            row('job-2', run_at=NOW - SECOND),
            row('job-3', run_at=None),
        )
        assert store.candidates(NOW, 9) == [
            Candidate('job-3', None),
            Candidate('job-2', NOW - SECOND),
            Candidate('job-1', NOW),
        ]
        assert [one.id for one in store.candidates(NOW, 2)] == ['job-3', 'job-2']

    def test_those_due_until_then(self, store):
        """That second included, and nothing later."""
        put(store, row('job-1', run_at=NOW + SECOND), row('job-2', run_at=NOW + 2 * SECOND))
        assert store.candidates(NOW, 9) == []
        assert store.candidates(NOW + SECOND, 9) == [Candidate('job-1', NOW + SECOND)]
        assert len(store.candidates(NOW + SECOND * 1.9, 9)) == 1

    def test_only_pending_ones(self, store):
        """Whatever their times are."""
        put(store, *(row(f'job-{s}', status=s) for s in ('running', 'finished', 'error')))
        assert store.candidates(NOW, 9) == []

    def test_no_lock_hides_a_candidate(self, store):
        """A row that another transaction holds is still read, without waiting."""
        put(store, row())
        with store.engine.connect() as other:
            other.execute(text("UPDATE job SET project_id = 'q' WHERE id = 'job-1'"))
            assert [one.id for one in store.candidates(NOW, 9)] == ['job-1']


class TestClaim:
    """pending -> running."""

    def test_a_claim_takes_a_row(self, store):
        """Its try is counted, its token written, its lease begun; the rest stays."""
        put(store, row(trys=1, error='the last one', updated=NOW - SECOND))
        claimed = store.claim(['job-1'], 1, 'token', NOW)
        assert claimed.claims == [Claim('job-1', 'token', 'Act', 'p', '{}', NOW, 600, 3, 2)]
        assert claimed.ended == []
        assert store.get_job('job-1') == row(
            status='running', trys=2, result='token', error='the last one'
        )

    def test_nulls_are_the_defaults(self, store):
        """try_period 600, try_max 3, trys 0, due at once."""
        put_plain(store, id='job-1', action='Act', status='pending')
        claimed = store.claim(['job-1'], 1, 'token', NOW)
        assert claimed.claims == [Claim('job-1', 'token', 'Act', None, None, None, 600, 3, 1)]
        assert columns_of(store)['trys'] == 1

    def test_small_numbers_are_lifted(self, store):
        """try_max under 1 is 1, try_period under 0 is 0."""
        put(store, row(try_max=-5, try_period=-1))
        (claim,) = store.claim(['job-1'], 1, 'token', NOW).claims
        assert (claim.try_max, claim.try_period) == (1, 0)

    @pytest.mark.parametrize('status', ['running', 'finished', 'error'])
    def test_only_a_pending_row(self, store, status):
        """Candidates grow old: the claim looks again."""
        put(store, row(status=status, result='other'))
        assert take(store, 'job-1') == []
        assert store.get_job('job-1').result == 'other'

    def test_only_a_row_that_is_due(self, store):
        """It may have failed, and been put off, since it was a candidate."""
        put(store, row(run_at=NOW + SECOND))
        assert take(store, 'job-1') == []
        assert take(store, 'job-1', now=NOW + SECOND) == ['job-1']

    def test_at_most_limit(self, store):
        """However many ids are given; the others stay."""
        put(store, *(row(f'job-{n}') for n in range(4)))
        assert len(store.claim([f'job-{n}' for n in range(4)], 2, 'token', NOW).claims) == 2
        assert len(store.list_jobs(JobFilter(status='pending'))) == 2

    def test_nothing_to_take(self, store):
        """Unknown ids, and no ids at all."""
        assert take(store, 'job-1') == []
        assert store.claim([], 3, 'token', NOW).claims == []

    def test_one_row_goes_to_one_of_two(self, store):
        """The second claim finds it taken."""
        put(store, row('job-1'), row('job-2'))
        assert take(store, 'job-1', token='a') == ['job-1']
        assert take(store, 'job-1', 'job-2', token='b') == ['job-2']
        assert [store.get_job(f'job-{n}').result for n in (1, 2)] == ['a', 'b']

    @pytest.mark.parametrize(('trys', 'try_max'), [(3, 3), (7, 3), (3, None), (1, 0)])
    def test_a_row_without_a_try_left_is_ended(self, store, trys, try_max):
        """Unrun, its trys as they were."""
        put(store, row(trys=trys, try_max=try_max))
        claimed = store.claim(['job-1'], 1, 'token', NOW)
        assert claimed.claims == []
        ((job_id, reason),) = claimed.ended
        assert (job_id, 'no try is left' in reason) == ('job-1', True)
        found = store.get_job('job-1')
        assert (found.status, found.error, found.trys) == ('error', reason, trys)

    def test_a_bad_row_costs_itself_alone(self, store):
        """The others of its claim run."""
        put(store, row('job-1', trys=9), row('job-2'))
        claimed = store.claim(['job-1', 'job-2'], 2, 'token', NOW)
        assert [claim.id for claim in claimed.claims] == ['job-2']
        assert [job_id for job_id, _ in claimed.ended] == ['job-1']

    def test_held_settles_a_doubt(self, store):
        """Those that run under the token, read as the claim would have told them."""
        put(store, row('job-1', trys=1), row('job-2'), row('job-3'))
        claims = store.claim(['job-1', 'job-2'], 2, 'token', NOW).claims
        take(store, 'job-3', token='other')
        assert store.held(['job-1', 'job-2', 'job-3'], 'token') == claims
        assert store.held(['job-1', 'job-2', 'job-3'], 'none') == []

    def test_an_unread_row_is_ended_while_pending(self, store):
        """And left alone otherwise."""
        put(store, row('job-1'), row('job-2', status='running'))
        for job_id in ('job-1', 'job-2'):
            store.end_unread(job_id, 'why', NOW)
        assert store.get_job('job-1') == row(status='error', error='why')
        assert store.get_job('job-2').status == 'running'


class TestOutcomes:
    """Every write about a running job carries the fence."""

    @pytest.fixture(autouse=True)
    def running(self, store):
        """job-1 to job-3 run under `token`."""
        put(store, *(row(f'job-{n}', trys=1) for n in (1, 2, 3)))
        take(store, 'job-1', 'job-2', 'job-3')

    def test_finished(self, store):
        """The result takes the token's place; run_at stays."""
        assert store.write([outcome(result='{"a": 1}')], NOW + SECOND) == {'job-1'}
        assert store.get_job('job-1') == row(
            status='finished', result='{"a": 1}', trys=2, updated=NOW + SECOND
        )

    def test_failed(self, store):
        """Pending again, due later."""
        later = NOW + timedelta(seconds=600)
        assert store.write([outcome(status=PENDING, error='no', run_at=later)], NOW) == {'job-1'}
        assert store.get_job('job-1') == row(error='no', run_at=later, trys=2)

    def test_released(self, store):
        """The try is taken off; without a run_at it is due as before."""
        assert store.write([outcome(status=PENDING, uncount=True)], NOW) == {'job-1'}
        assert store.get_job('job-1') == row(trys=1)

    def test_many_at_once(self, store):
        """In one transaction, in whatever order they come."""
        group = [
            outcome('job-3', status=ERROR, error='no'),
            outcome('job-1'),
            outcome('job-2', status=PENDING, uncount=True),
        ]
        assert store.write(group, NOW) == {'job-1', 'job-2', 'job-3'}
        assert [store.get_job(f'job-{n}').status for n in (1, 2, 3)] == [
            'finished', 'pending', 'error',
        ]  # fmt: skip

    @pytest.mark.parametrize('change', ["status = 'pending'", "result = 'other'", 'result = NULL'])
    def test_a_stale_fence_changes_nothing(self, store, change):
        """Rescued, claimed by another, or cancelled: the late outcome is dropped alone."""
        with store.engine.begin() as connection:
            connection.execute(text(f"UPDATE job SET {change} WHERE id = 'job-2'"))
        before = store.get_job('job-2')
        written = store.write([outcome(f'job-{n}') for n in (1, 2, 3)], NOW)
        assert written == {'job-1', 'job-3'}
        assert store.get_job('job-2') == before
        assert [store.get_job(f'job-{n}').status for n in (1, 3)] == ['finished'] * 2

    def test_one_id_under_two_tokens(self, store):
        """Only the outcome of the present holder counts."""
        stale = outcome(token='old', status=ERROR, error='late')
        store.write([stale, outcome(result='1')], NOW)
        assert (store.get_job('job-1').status, store.get_job('job-1').error) == ('finished', None)

    def test_a_second_outcome_is_dropped(self, store):
        """A job gets one."""
        assert store.write([outcome()], NOW) == {'job-1'}
        assert store.write([outcome(status=ERROR, error='no')], NOW) == set()
        assert store.get_job('job-1').status == 'finished'

    def test_written_settles_a_doubt(self, store):
        """Stored, still held, or neither: then others have it."""
        group = [
            outcome('job-1', result='1'),
            outcome('job-2', status=PENDING, error='no', run_at=NOW + SECOND),
            outcome('job-3'),
            outcome('job-4'),
        ]
        assert store.written(group) == (set(), {'job-1', 'job-2', 'job-3'})
        store.write(group[:2], NOW)
        store.cancel('job-3', NOW)
        assert store.written(group) == ({'job-1', 'job-2'}, set())

    def test_a_later_claim_does_not_hide_what_was_written(self, store):
        """The error and the due time of the try before are still there."""
        failed = outcome(status=PENDING, error='no', run_at=NOW)
        store.write([failed], NOW)
        take(store, 'job-1', token='other')
        assert store.written([failed]) == ({'job-1'}, set())

    def test_a_rescue_is_not_taken_for_our_outcome(self, store):
        """Although the same handler has failed in the same way since."""
        ours = outcome(status=PENDING, error='no', run_at=NOW + SECOND)
        (expired,) = [e for e in store.expired(NOW + 2 * SECOND, 9) if e.id == 'job-1']
        store.rescue(expired, NOW + 2 * SECOND, NOW)
        take(store, 'job-1', token='other')
        later = outcome(token='other', status=PENDING, error='no', run_at=NOW + 5 * SECOND)
        store.write([later], NOW)
        assert store.written([ours]) == (set(), set())

    @pytest.mark.parametrize('status', [ERROR, FINISHED])
    def test_the_same_outcome_of_a_later_try_is_not_ours(self, store, status):
        """Such as a result that is too large each time."""
        ours = outcome(status=status, error='no', trys=1)
        (expired,) = [e for e in store.expired(NOW + 2 * SECOND, 9) if e.id == 'job-1']
        store.rescue(expired, NOW + 2 * SECOND, NOW)
        take(store, 'job-1', token='other')
        store.write([outcome(token='other', status=status, error='no', trys=2)], NOW)
        assert store.written([ours]) == (set(), set())


class TestLeases:
    """Heartbeat, and rescue of what has none."""

    LONG_AGO = NOW - timedelta(hours=1)

    def test_renew(self, store):
        """`updated` moves on, also to the value that it has."""
        put(store, row('job-1', updated=self.LONG_AGO), row('job-2'), row('job-3'))
        take(store, 'job-1', 'job-2', token='a', now=NOW)
        take(store, 'job-3', token='b')
        fences = [('job-1', 'a'), ('job-2', 'a'), ('job-3', 'b')]
        for moment in (NOW, NOW, NOW + SECOND):
            assert store.renew(fences, moment) == (set(fences), set())
            assert [store.get_job(f'job-{n}').updated for n in (1, 2, 3)] == [moment] * 3

    def test_renew_names_the_lost(self, store):
        """Those of another token, and those that are gone; it does not touch them."""
        put(store, row('job-1', updated=self.LONG_AGO), row('job-2'))
        take(store, 'job-1', 'job-2', token='a', now=self.LONG_AGO + timedelta(hours=1))
        fences = [('job-1', 'a'), ('job-1', 'b'), ('job-2', 'b'), ('job-9', 'a')]
        assert store.renew(fences, NOW + SECOND) == ({fences[0]}, set(fences[1:]))
        assert store.get_job('job-2').updated == NOW
        assert store.renew([], NOW) == (set(), set())

    def test_expired(self, store):
        """Running rows last renewed before a time, or never; with the worker that had them."""
        token = make_token('w1', 'nonce')
        put(
            store,
            row('job-1', status='running', result=token, updated=NOW - SECOND),
            row('job-2', status='running', result=token, updated=NOW),
            row('job-3', status='pending', updated=self.LONG_AGO),
        )
        put_plain(store, id='job-4', action='Act', status='running')
        found = store.expired(NOW, 9)
        assert [(one.id, one.worker) for one in found] == [('job-1', 'w1'), ('job-4', None)]
        assert (found[1].try_max, found[1].trys) == (3, 0)
        assert len(store.expired(NOW, 1)) == 1

    def test_where_nothing_can_be_written_none_is_shown_as_expired(self, store):
        """Nobody can renew a lease there."""
        put(store, row(status='running', result='token', updated=self.LONG_AGO))
        with read_only(store.engine), pytest.raises(Unavailable):
            store.expired(NOW, 9)
        assert len(store.expired(NOW, 9)) == 1

    def test_rescue(self, store):
        """Due at once, its try counted, the worker named as lost."""
        put(store, row(status='running', result='token', updated=self.LONG_AGO, trys=1))
        (expired,) = store.expired(NOW, 9)
        assert store.rescue(expired, NOW, NOW + SECOND)
        assert store.get_job('job-1') == row(
            error=WORKER_LOST, trys=1, run_at=NOW + SECOND, updated=NOW + SECOND
        )

    def test_rescue_without_a_try_left(self, store):
        """In error: a job that kills its worker does not go on for ever."""
        put(store, row(status='running', result='token', updated=self.LONG_AGO, trys=3))
        (expired,) = store.expired(NOW, 9)
        assert store.rescue(expired, NOW, NOW)
        assert store.get_job('job-1') == row(status='error', error=WORKER_LOST, trys=3)

    def test_two_rescuers_cannot_both_win(self, store):
        """The second finds nothing."""
        put(store, row(status='running', result='token', updated=self.LONG_AGO))
        (expired,) = store.expired(NOW, 9)
        assert store.rescue(expired, NOW, NOW)
        assert not store.rescue(expired, NOW, NOW)

    @pytest.mark.parametrize(
        'change',
        ["result = 'other'", "updated = '2026-01-01 12:00:00'", "status = 'finished'"],
    )
    def test_a_live_job_is_not_rescued(self, store, change):
        """Claimed again, renewed or ended since it was looked at."""
        put(store, row(status='running', result='token', updated=self.LONG_AGO))
        (expired,) = store.expired(NOW, 9)
        with store.engine.begin() as connection:
            connection.execute(text(f"UPDATE job SET {change} WHERE id = 'job-1'"))
        before = store.get_job('job-1')
        assert not store.rescue(expired, NOW, NOW)
        assert store.get_job('job-1') == before

    def test_rescue_of_a_row_without_a_token(self, store):
        """Another program wrote it so; if it gets a token meanwhile it is let be."""
        for job_id in ('job-1', 'job-2'):
            put_plain(store, id=job_id, action='Act', status='running')
        first, second = store.expired(NOW, 9)
        assert store.rescue(first, NOW, NOW)
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE job SET result = 'token' WHERE id = 'job-2'"))
        assert not store.rescue(second, NOW, NOW)


class TestMoves:
    """cancel and retry."""

    @pytest.mark.parametrize(
        ('status', 'moved'),
        [('pending', True), ('running', True), ('finished', False), ('error', False)],
    )
    def test_cancel(self, store, status, moved):
        """A job that has not ended ends as cancelled; a running one loses its token."""
        put(store, row(status=status, result='token'))
        assert store.cancel('job-1', NOW + SECOND) is moved
        found = store.get_job('job-1')
        if moved:
            assert (found.status, found.error, found.result) == ('error', CANCELLED, None)
            assert store.write([outcome()], NOW) == set()
        else:
            assert found == row(status=status, result='token')

    @pytest.mark.parametrize(
        ('status', 'moved'),
        [('pending', False), ('running', False), ('finished', False), ('error', True)],
    )
    def test_retry(self, store, status, moved):
        """A job in error is due now with all its tries."""
        put(store, row(status=status, trys=3))
        assert store.retry('job-1', NOW + SECOND) is moved
        if moved:
            assert store.get_job('job-1') == row(run_at=NOW + SECOND, updated=NOW + SECOND)

    def test_of_nothing(self, store):
        """An id that is not there is not moved."""
        assert not store.cancel('job-1', NOW)
        assert not store.retry('job-1', NOW)


class TestText:
    """Saving a failure cannot fail."""

    def saved(self, store, message):
        put(store, row())
        take(store, 'job-1')
        fitted = store.limits.fitting('error', message)
        assert store.write([outcome(status=ERROR, error=fitted)], NOW) == {'job-1'}
        assert store.get_job('job-1').error == fitted
        return fitted

    @pytest.mark.parametrize(
        ('message', 'stored'),
        [
            ('plain', 'plain'),
            ('smile \U0001f600', 'smile \U0001f600'),
            ('nul \0 here', 'nul  here'),
            ('half \ud83d a pair', 'half \\ud83d a pair'),
        ],
    )
    def test_any_characters(self, store, message, stored):
        """NUL and lone surrogates are what no database takes."""
        assert self.saved(store, message) == stored

    def test_any_length(self, store):
        """Cut to the column's bytes, between characters."""
        fitted = self.saved(store, 'ü' * 50_000)
        assert len(fitted.encode()) == 65_534

    def test_a_result_is_measured(self, store):
        """It is not cut: half of it would be no JSON."""
        assert store.limits.holds('result', 'x' * 65_535)
        assert not store.limits.holds('result', 'x' * 65_536)

    def test_limits_are_asked_once(self, store, monkeypatch):
        """Later nothing has to be asked, when the database may be away."""
        store.limits.load()
        monkeypatch.setattr(store.engine, 'connect', None)
        assert store.limits.fitting('error', 'x' * 99_999) == 'x' * 65_535


class TestServer:
    """What a server is asked at its start."""

    def test_ping(self, store):
        """No error where it answers."""
        store.ping()

    def test_nothing_is_missing(self, store):
        """The tables that `wumai schema` makes lack nothing."""
        assert store.problems(['job', 'operation']) == []

    def test_isolation(self, store):
        """READ COMMITTED on servers."""
        with store.engine.connect() as connection:
            assert connection.get_isolation_level() in ('READ COMMITTED', 'SERIALIZABLE')

    def test_a_transaction_that_fails_leaves_nothing(self, store, monkeypatch):
        """Also where it fails at its last statement."""
        put(store, row('job-1'), row('job-2'))

        def fail(*_):
            raise RuntimeError('on the way')

        with monkeypatch.context() as patch:
            patch.setattr(store, '_take', fail)
            with pytest.raises(RuntimeError):
                take(store, 'job-1')
        assert store.get_job('job-1') == row('job-1')
        assert take(store, 'job-1', 'job-2') == ['job-1', 'job-2']


class TestPrune:
    """What `wumai jobs prune` takes away."""

    def test_it_goes_on_behind_what_it_has_found(self, store):
        """And counts what it has deleted itself."""
        old = [row(f'job-{number}', status=FINISHED, updated=NOW) for number in range(5)]
        put(store, *old)
        arguments = ([FINISHED], NOW + SECOND)
        assert store.prune(*arguments, '', 2) == ('job-1', 2)
        assert store.prune(*arguments, 'job-1', 2) == ('job-3', 2)
        assert store.prune(*arguments, 'job-3', 2) == (None, 1)
        assert store.prune(*arguments, '', 2) == (None, 0)


class TestLists:
    """Statements with many ids are compiled for a few lengths; a shorter list is filled up."""

    @pytest.mark.parametrize('count', [1, 7, 11, 33, 101])
    def test_each_job_is_claimed_renewed_and_ended_once(self, store, count):
        """Each with the result of its own, whatever a list was filled up with."""
        ids = [f'job-{number:03}' for number in range(count)]
        put(store, *(row(job_id) for job_id in ids))
        claimed = store.claim(ids, count, 'token', NOW)
        assert [claim.id for claim in claimed.claims] == ids
        fences = {(job_id, 'token') for job_id in ids}
        assert store.renew(fences, NOW) == (fences, set())
        assert store.write([outcome(one, result=f'"{one}"') for one in ids], NOW) == set(ids)
        listed = store.list_jobs(JobFilter(limit=count))
        assert {job.id: job.result for job in listed} == {one: f'"{one}"' for one in ids}

    def test_lists_of_many_lengths_are_few_texts(self, store):
        """To compile one for each would cost milliseconds again and again."""
        before = prepared._compiled.cache_info().misses
        for count in range(60, 80):
            assert store.claim([f'none-{number}' for number in range(count)], 1, 't', NOW) == (
                [],
                [],
            )
        assert prepared._compiled.cache_info().misses - before <= 2
