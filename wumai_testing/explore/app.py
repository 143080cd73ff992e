"""The app that is explored where none is named: handlers of every kind."""

from typing import Any

import gevent
from sqlalchemy import Column, MetaData, String, Table, insert, select
from sqlalchemy.orm import Session

from wumai import db
from wumai.job import GiveUp, RunLater
from wumai.model import Job
from wumai.store import schema
from wumai_testing.explore.application import invariant

metadata = MetaData()
children = Table(
    'child', metadata, Column('id', String(32), primary_key=True), Column('parent', String(32))
)
CHILD = 'child'
"""The project of the jobs that have a row in `children`."""


def quick(job: Any) -> Any:
    return {'ok': job.params.get('n', 0)}


def slow(job: Any) -> Any:
    job.sleep(float(job.params.get('seconds', 1)))
    return {'slept': job.params.get('seconds')}


def flaky(job: Any) -> Any:
    job.sleep(0.05)
    if job.trys <= int(job.params.get('fail', 1)):
        raise RuntimeError(f'try {job.trys} fails')
    return {'tries': job.trys}


def cleaning(job: Any) -> Any:
    """Takes its time to clean up, also after an interrupt."""
    try:
        job.sleep(float(job.params.get('seconds', 1)))
    finally:
        gevent.sleep(float(job.params.get('cleanup', 0.5)))


def stubborn(job: Any) -> Any:
    """Swallows a few interrupts."""
    for _ in range(int(job.params.get('times', 2))):
        try:
            job.sleep(float(job.params.get('seconds', 2)))
        except BaseException as error:
            if isinstance(error, gevent.GreenletExit):
                raise
    return {'stubborn': True}


def give_up(job: Any) -> Any:
    job.sleep(0.1)
    raise GiveUp('there is no use')


def run_later(job: Any) -> Any:
    # A row without `created` is always new.
    if 0 < job.age < float(job.params.get('age', 5)):
        raise RunLater(float(job.params.get('seconds', 2)))
    return {'age': 'enough'}


def parent(job: Any) -> Any:
    """Creates a job, together with what else it stores or not at all."""
    with db.transaction() as session:
        child = Job.create('Quick', params={'n': 1}, project_id=CHILD, try_period=1, try_max=2)
        session.execute(insert(children).values(id=child, parent=job.id))
        gevent.sleep(float(job.params.get('seconds', 0.01)))
    return {'created': 1}


_CHILD_JOBS = select(schema.job.c.id).where(schema.job.c.project_id == CHILD)
_CHILD_ROWS = select(children.c.id)


@invariant
def each_child_has_its_row(session: Session) -> bool:
    """A job is there together with what else its transaction stored, or neither is."""
    return set(session.scalars(_CHILD_JOBS)) == set(session.scalars(_CHILD_ROWS))


def bad_result(_job: Any) -> Any:
    return object()


def big_result(job: Any) -> Any:
    return 'x' * int(job.params.get('size', 70_000))


def odd_error(_job: Any) -> Any:
    raise ValueError(
        'a bad \U0001f4a5 character \ud800, a NUL \0, and much of it' + ' more' * 20_000
    )


def leave(_job: Any) -> Any:
    raise SystemExit(3)


def careful(job: Any) -> Any:
    """Asks for its lease before each step."""
    for _ in range(int(job.params.get('steps', 3))):
        job.sleep(0.4)
        if not job.holds_lease():
            return {'stopped': True}
    return {'steps': job.params.get('steps')}


job_routes = {
    'Quick': quick,
    'Slow': slow,
    'Flaky': flaky,
    'Cleaning': cleaning,
    'Stubborn': stubborn,
    'GiveUp': give_up,
    'RunLater': run_later,
    'Parent': parent,
    'BadResult': bad_result,
    'BigResult': big_result,
    'OddError': odd_error,
    'Leave': leave,
    'Careful': careful,
}

examples: dict[str, list[dict[str, Any]]] = {
    'Quick': [{'n': 1}, {}],
    'Slow': [
        {'seconds': 0.3}, {'seconds': 'exec_timeout * 0.5'}, {'seconds': 'exec_timeout * 0.99'},
        {'seconds': 'exec_timeout * 1.01'}, {'seconds': 'exec_timeout * 2'},
        {'seconds': 'lease * 1.5'}, {'seconds': 'lease * 3'},
    ],
    'Flaky': [{'fail': 1}, {'fail': 2}, {'fail': 9}],
    'Cleaning': [
        {'seconds': 1, 'cleanup': 0.5}, {'seconds': 'exec_timeout * 2', 'cleanup': 1.5},
        {'seconds': 'exec_timeout * 0.98', 'cleanup': 0.5},
    ],
    'Stubborn': [
        {'times': 1, 'seconds': 'exec_timeout * 1.5'},
        {'times': 3, 'seconds': 'exec_timeout * 0.8'},
        {'times': 200, 'seconds': 5},
    ],
    'RunLater': [{'age': 5, 'seconds': 2}, {'age': 1, 'seconds': 0.1}],
    'Parent': [{'seconds': 0.01}, {'seconds': 1}],
    'BigResult': [{'size': 65_533}, {'size': 65_534}, {'size': 200_000}],
    'Careful': [{'steps': 3}, {'steps': 10}],
}  # fmt: skip
