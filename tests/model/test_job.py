"""Jobs as an app makes them, finds them and moves them."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import gevent
import pytest
from sqlalchemy.orm import Session

from wumai import db
from wumai.iaas_error import ResourceNotFound
from wumai.job import Outcome
from wumai.model import Job
from wumai.store.base import JobFilter
from wumai.store.db_errors import InDoubt, Rejected

SECOND = timedelta(seconds=1)


class TestCreate:
    """Job.create."""

    def test_the_defaults(self, runtime):
        """Pending, due now, three tries ten minutes apart."""
        before = runtime.clock.now() - SECOND
        job = Job.get(Job.create('Act'))
        assert (job.status, job.action, job.project_id) == ('pending', 'Act', None)
        assert (job.params, job.try_period, job.try_max, job.trys) == ({}, 600, 3, 0)
        assert (job.error, job.result) == (None, None)
        assert before <= job.run_at == job.created == job.updated <= runtime.clock.now()
        assert job.run_at.microsecond == 0

    def test_all_it_takes(self, runtime):
        """And what comes back."""
        job_id = Job.create(
            'Act', params={'a': ['ü', None]}, project_id='p', run_at=datetime(2030, 1, 1),
            try_period=5, try_max=7,
        )  # fmt: skip
        job = Job.get(job_id)
        assert (job.params, job.project_id, job.run_at) == (
            {'a': ['ü', None]}, 'p', datetime(2030, 1, 1),
        )  # fmt: skip
        assert (job.try_period, job.try_max) == (5, 7)

    def test_ids_sort_by_age(self, runtime):
        """Also those of one millisecond; 32 characters at most."""
        ids = [Job.create('Act') for _ in range(5)]
        ids += Job.create_many({'action': 'Act'} for _ in range(50))
        assert ids == sorted(ids)
        assert len(set(ids)) == 55
        assert all(one.startswith('job-') and len(one) <= 32 for one in ids)

    def test_the_wakeup(self, runtime, woken):
        """Is sent when the job is stored."""
        job_id = Job.create('Act')
        assert woken.now() == [[job_id]]

    @pytest.mark.parametrize(
        ('run_at', 'stored'),
        [
            (datetime(2099, 1, 1, 0, 0, 0, 1), datetime(2099, 1, 1, 0, 0, 1)),
            (datetime(2099, 1, 1), datetime(2099, 1, 1)),
            (datetime(2001, 1, 1, 0, 0, 0, 999_999), datetime(2001, 1, 1)),
            (datetime(2099, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))), datetime(2099, 1, 1)),
            (datetime(2099, 1, 1, tzinfo=UTC), datetime(2099, 1, 1)),
            (datetime.max, datetime.max.replace(microsecond=0)),
        ],
    )
    def test_run_at(self, runtime, run_at, stored):
        """Naive is UTC; in the future it is rounded up, in the past down."""
        assert Job.get(Job.create('Act', run_at=run_at)).run_at == stored

    def test_params_have_the_forms_of_answers(self, runtime):
        """datetime, Decimal and UUID are strings."""
        params = {'at': datetime(2026, 1, 1), 'cost': Decimal('1.50'), 'id': UUID(int=1)}
        stored = Job.get(Job.create('Act', params=params)).params
        assert stored == {
            'at': '2026-01-01T00:00:00Z',
            'cost': '1.50',
            'id': '00000000-0000-0000-0000-000000000001',
        }

    def test_any_text_in_params(self, runtime):
        """As ASCII JSON it fits every column."""
        params = {'text': '\0 \ud800 \U0001f600 \u2028 "'}
        assert Job.get(Job.create('Act', params=params)).params == params

    @pytest.mark.parametrize(
        ('arguments', 'error', 'match'),
        [
            ({'action': ''}, ValueError, 'needs an action'),
            ({'action': None}, ValueError, 'needs an action'),
            ({'action': 5}, TypeError, 'action must be a string'),
            ({'action': 'x' * 51}, ValueError, 'action is longer than 50'),
            ({'project_id': 'x' * 33}, ValueError, 'project_id is longer than 32'),
            ({'project_id': 5}, TypeError, 'project_id must be a string'),
            ({'params': [1]}, TypeError, 'params must be a mapping, not a list'),
            ({'params': {'a': object()}}, ValueError, 'params are not JSON: object'),
            ({'params': {'a': float('nan')}}, ValueError, 'params are not JSON'),
            ({'params': {'a': 'x' * 66_000}}, ValueError, 'the column params holds 65535'),
            ({'run_at': '2026-01-01'}, TypeError, 'run_at must be a datetime'),
            (
                {'run_at': datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))},
                ValueError,
                'run_at has no time in UTC',
            ),
            ({'try_period': 1.5}, TypeError, 'try_period must be a whole number'),
            ({'try_max': True}, TypeError, 'try_max must be a whole number'),
            ({'try_max': '3'}, TypeError, 'try_max must be a whole number'),
            ({'try_max': 2**31}, ValueError, 'try_max must be at most 2147483647'),
            ({'try_period': -(2**40)}, ValueError, 'try_period must be at most'),
        ],
    )
    def test_what_is_wrong_is_named(self, runtime, arguments, error, match):
        """And nothing is stored."""
        with pytest.raises(error, match=match):
            Job.create(**{'action': 'Act', **arguments})
        assert Job.list() == []


class TestCreateMany:
    """Job.create_many."""

    def test_all_in_one(self, runtime, woken):
        """Their ids in order, and one wake-up."""
        ids = Job.create_many({'action': 'Act', 'params': {'n': n}} for n in range(3))
        assert [Job.get(one).params for one in ids] == [{'n': 0}, {'n': 1}, {'n': 2}]
        assert woken.now() == [ids]

    def test_none(self, runtime, woken):
        """Is nothing."""
        assert Job.create_many([]) == []
        assert woken.now() == []

    @pytest.mark.parametrize(
        ('job', 'error', 'match'),
        [
            ({}, TypeError, 'job 1 has no action'),
            ('Act', TypeError, 'job 1 must be a mapping, not a str'),
            ({'action': 'Act', 'parms': {}}, TypeError, "job 1 has 'parms', a job takes action"),
            ({'action': 'Act', 'params': 5}, TypeError, 'params must be a mapping'),
        ],
    )
    def test_all_or_none(self, runtime, job, error, match):
        """One that is wrong stores none; it is told by its number."""
        with pytest.raises(error, match=match):
            Job.create_many([{'action': 'Act'}, job])
        assert Job.list() == []

    @pytest.mark.parametrize(('jobs', 'kind'), [({'action': 'Act'}, 'dict'), ('Act', 'str')])
    def test_one_alone(self, runtime, jobs, kind):
        """Is not read by its keys or letters."""
        with pytest.raises(TypeError, match=f'^jobs must be an iterable of mappings, not a {kind}'):
            Job.create_many(jobs)

    def test_thousands(self, runtime):
        """In one transaction."""
        assert len(Job.create_many({'action': 'Act'} for _ in range(3000))) == 3000
        assert len(Job.list(limit=5000)) == 3000


@pytest.mark.parametrize(
    ('limit', 'error', 'told'),
    [
        (-1, ValueError, 'limit must be at least 0, not -1'),
        ('5', TypeError, "limit must be a whole number, not '5'"),
        (None, TypeError, 'limit must be a whole number, not None'),
    ],
)
def test_a_limit_that_is_none(runtime, limit, error, told):
    """Is refused on each database, and does not mean all on one of them."""
    with pytest.raises(error, match=told):
        Job.list(limit=limit)
    assert Job.list(limit=0) == []


def test_a_status_that_no_job_has(runtime):
    """Is refused, and not answered with no job."""
    with pytest.raises(ValueError, match="one of pending, running, finished, error, not 'done'"):
        Job.list(status='done')


class TestTransactions:
    """db.transaction, and sessions of the app's own."""

    def things(self, runtime):
        with db.transaction() as session:
            return session.connection().exec_driver_sql('SELECT name FROM thing').scalars().all()

    @staticmethod
    def add(session, name='thing'):
        session.connection().exec_driver_sql(f"INSERT INTO thing VALUES ('{name}')")

    def test_commit(self, runtime, woken):
        """The job and the rows that it is about; the wake-up comes after."""
        with db.transaction() as session:
            self.add(session)
            job_id = Job.create('Act')
            assert woken.now() == []
            assert runtime.store.get_job(job_id) is None
        assert woken.now() == [[job_id]]
        assert self.things(runtime) == ['thing']

    @staticmethod
    def undone(work):
        """Do `work` in a transaction that fails at its end."""

        def fail():
            with db.transaction() as session:
                work(session)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()

    def test_rollback(self, runtime, woken):
        """Neither the job nor the rows, and nobody is woken."""

        def work(session):
            self.add(session)
            Job.create('Act')

        self.undone(work)
        assert (Job.list(), self.things(runtime), woken.now()) == ([], [], [])
        assert db.current_session() is None

    def test_nested(self, runtime, woken):
        """Inner ones join: the outer decides."""

        def work(outer):
            with db.transaction() as inner:
                assert inner is outer
                Job.create('Act')
            assert woken.now() == []

        self.undone(work)
        assert Job.list() == []

    @pytest.mark.parametrize(
        ('inner', 'stored'),
        [(lambda _: db.transaction(), ['Act']), (lambda outer: outer.begin_nested(), [])],
        ids=['joins', 'savepoint'],
    )
    def test_an_error_that_the_outer_catches(self, runtime, inner, stored):
        """Undoes nothing where the inner one joins, and its part where it is a savepoint."""
        with db.transaction() as outer, contextlib.suppress(ZeroDivisionError), inner(outer):
            Job.create('Act')
            raise ZeroDivisionError
        assert [job.action for job in Job.list()] == stored

    def test_its_own_jobs_are_seen(self, runtime):
        """Job.get, list, cancel and retry are part of the transaction."""

        def work(_):
            job_id = Job.create('Act')
            assert Job.get(job_id).status == 'pending'
            assert [job.id for job in Job.list()] == [job_id]
            assert Job.cancel(job_id)
            assert Job.get(job_id).status == 'error'
            assert Job.retry(job_id)

        self.undone(work)
        assert Job.list() == []

    def test_a_retry_wakes_at_the_commit(self, runtime, woken):
        """Like a creation."""
        job_id = Job.create('Act')
        Job.cancel(job_id)
        with db.transaction():
            assert Job.retry(job_id)
            assert len(woken.now()) == 1
        assert len(woken.now()) == 2

    def test_a_session_of_the_apps_own(self, runtime, woken):
        """Its commit decides, also when it is used again afterwards."""
        with Session(runtime.store.engine) as session:
            Job.create('Act', session=session)
            session.rollback()
            job_id = Job.create('Act', session=session)
            assert woken.now() == []
            session.commit()
            assert woken.now() == [[job_id]]
            self.add(session)
            session.commit()
        assert woken.now() == [[job_id]]

    @pytest.mark.parametrize('end', [Session.rollback, Session.close])
    def test_a_session_of_which_a_part_was_undone(self, runtime, end):
        """Nobody is told of what was never stored."""
        told = []
        forget = runtime.wakeups.listen(told.append)
        with Session(runtime.store.engine) as session:
            Job.create('Act', session=session)
            end(session)
            self.add(session)
            session.commit()
            Job.create('Act', session=session)
            end(session)
            job_id = Job.create('Act', session=session)
            session.commit()
        forget()
        assert told == [[job_id]]

    def test_a_savepoint(self, runtime, woken):
        """Its end is not the commit."""
        with Session(runtime.store.engine) as session:
            with session.begin_nested():
                job_id = Job.create('Act', session=session)
            assert woken.now() == []
            session.commit()
        assert woken.now() == [[job_id]]

    def test_a_connection_of_the_apps_own(self, runtime, woken):
        """Likewise; the wake-up comes when the COMMIT is through."""
        with runtime.store.engine.connect() as connection:
            (job_id,) = Job.create_many([{'action': 'Act'}], session=connection)
            assert woken.now() == []
            connection.commit()
            assert woken.soon() == [[job_id]]

    def test_many_jobs_of_one_connection(self, runtime):
        """Each commit tells its own, a rollback none, and nothing gathers on the connection."""
        told, wanted = [], []
        forget = runtime.wakeups.listen(told.append)
        with runtime.store.engine.connect() as connection:
            for _ in range(3):
                Job.create('Act', session=connection)
                connection.rollback()
                wanted.append([Job.create('Act', session=connection) for _ in range(2)])
                connection.commit()
                with gevent.Timeout(5):
                    while len(told) < len(wanted):
                        gevent.sleep(0.01)
                assert told == wanted
            assert len(connection.dispatch.commit) == 1
        forget()

    def test_a_session_goes_before_the_open_transaction(self, runtime):
        """It was asked for."""
        with runtime.store.engine.connect() as connection:
            job_ids = []

            def work(_):
                job_ids.append(Job.create('Act', session=connection))
                connection.commit()

            self.undone(work)
        assert Job.get(job_ids[0]).status == 'pending'

    def test_greenlets_have_their_own(self, runtime):
        """A transaction is open in the context that opened it."""
        with db.transaction():
            assert gevent.spawn(db.current_session).get() is None


class TestDoubt:
    """A lone insert whose commit was cut off."""

    @pytest.mark.parametrize('stored', [True, False])
    def test_a_commit_that_ends_late_is_found(self, runtime, monkeypatch, stored):
        """The job is there, though it was not when it was asked for: it is no refusal."""
        real, calls = runtime.store.insert_jobs, []

        def insert(rows, connection=None):
            calls.append(rows)
            if len(calls) == 1:
                raise InDoubt('no answer to the commit')
            if len(calls) == 2:  # the server ends the first commit while this one waits for it
                if stored:
                    real(rows)
                raise Rejected('duplicate')
            real(rows, connection)

        monkeypatch.setattr(runtime.store, 'insert_jobs', insert)
        job_id = Job.create('Act')
        assert [job.id for job in Job.list()] == [job_id]
        assert len(calls) == (2 if stored else 3)

    def test_a_refusal_is_raised(self, runtime, monkeypatch):
        """Where nothing was in doubt."""

        def refuse(rows, connection=None):
            raise Rejected('a CHECK')

        monkeypatch.setattr(runtime.store, 'insert_jobs', refuse)
        with pytest.raises(Rejected, match='a CHECK'):
            Job.create('Act')


class TestFind:
    """Job.get and Job.list."""

    def test_unknown(self, runtime):
        """Is the error that an api answers with 4104."""
        with pytest.raises(ResourceNotFound, match='job-1'):
            Job.get('job-1')

    def test_list(self, runtime):
        """By age, filtered, in pages."""
        ids = Job.create_many(
            {'action': 'Odd' if n % 2 else 'Even', 'project_id': f'p{n}'} for n in range(6)
        )
        assert [job.id for job in Job.list()] == ids
        assert [job.id for job in Job.list(newest_first=True, limit=2)] == ids[:-3:-1]
        assert [job.id for job in Job.list(action='Odd', after=ids[1])] == [ids[3], ids[5]]
        assert [job.id for job in Job.list(project_id='p2')] == [ids[2]]
        assert Job.list(status='running') == []

    @pytest.mark.parametrize(
        ('stored', 'result'), [('{"a": 1}', {'a': 1}), ('null', None), ('no json', 'no json')]
    )
    def test_results(self, runtime, stored, result):
        """What a handler returned; text of another program as it is."""
        job_id = Job.create('Act')
        now = runtime.clock.now()
        runtime.store.claim([job_id], 1, 'token', now)
        assert Job.get(job_id).result is None  # it is the token that is there
        runtime.store.write(
            [Outcome(job_id, 'token', 'finished', result=stored)], runtime.clock.now()
        )
        assert Job.get(job_id).result == result

    def test_a_page_is_a_list_of_jobs(self, runtime):
        """Each as Job.get returns it."""
        job_id = Job.create('Act', params={'a': 1})
        assert Job.list() == [Job.get(job_id)]
        assert json.dumps(Job.get(job_id).params) == '{"a": 1}'
        assert len(runtime.store.list_jobs(JobFilter())) == 1


class TestMoves:
    """Job.cancel and Job.retry."""

    def test_cancel_and_retry(self, runtime, woken):
        """A pending job ends, and begins anew."""
        job_id = Job.create('Act')
        assert Job.cancel(job_id)
        assert not Job.cancel(job_id)
        assert (Job.get(job_id).status, Job.get(job_id).error) == ('error', 'cancelled')
        assert Job.retry(job_id)
        assert not Job.retry(job_id)
        assert (Job.get(job_id).status, Job.get(job_id).trys) == ('pending', 0)
        assert len(woken.now()) == 2

    def test_of_nothing(self, runtime):
        """False."""
        assert not Job.cancel('job-1')
        assert not Job.retry('job-1')
