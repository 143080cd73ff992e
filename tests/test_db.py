"""Transactions of the application on a database that fails."""

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from wumai import db
from wumai.api.envelope import DATABASE_AWAY, IN_DOUBT
from wumai.model import Job
from wumai.store.db_errors import InDoubt
from wumai_testing.simulation import Simulation


class Base(DeclarativeBase):
    """Of tables of an app."""


class Instance(Base):
    """What is to be stored at the end of a transaction."""

    __tablename__ = 'instance_of_test_db'
    id: Mapped[str] = mapped_column(primary_key=True)


def create() -> dict[str, str]:
    with db.transaction():
        return {'jobId': Job.create('Act')}


@pytest.mark.parametrize(('fault', 'stored'), [('lost_before_commit', 0), ('lost_after_commit', 1)])
def test_a_commit_without_an_answer(wumai_sim: Simulation, fault: str, stored: int) -> None:
    """No client is told to ask again, as what it asked for may be done already."""
    wumai_sim.route({'Create': create})
    wumai_sim.database_next(fault, by='api')
    answer = wumai_sim.client.call('Create')
    answer.expect(ret_code=5000, http=500, message=IN_DOUBT)
    assert len(Job.list()) == stored


def test_a_statement_without_an_answer(wumai_sim: Simulation) -> None:
    """Is not in doubt, and its error is the driver's."""
    wumai_sim.route({'Create': create})
    wumai_sim.database_next('deadlock', by='api')
    answer = wumai_sim.client.call('Create')
    answer.expect(ret_code=5000, http=503, message=DATABASE_AWAY)
    wumai_sim.database_next('deadlock', by='api')
    with pytest.raises(OperationalError):
        create()


def test_the_error_of_a_commit_in_doubt(wumai_sim: Simulation) -> None:
    """InDoubt, which has the driver's."""
    wumai_sim.database_next('lost_after_commit', by='api')
    with pytest.raises(InDoubt) as caught:
        create()
    assert isinstance(caught.value.__cause__, OperationalError)


def test_a_flush_without_an_answer(wumai_sim: Simulation) -> None:
    """Is not in doubt, also where the commit has called for it."""
    wumai_sim.database_read_only('1m')
    with pytest.raises(OperationalError), db.transaction() as session:
        session.add(Instance(id='i-1'))
