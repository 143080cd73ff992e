"""A base for the tables of an app."""

import pytest

from wumai import db
from wumai.iaas_error import ResourceIsBusy, ResourceNotBelongsToProject
from wumai.model import Resource


@pytest.fixture
def instance_class():
    """A table of an app; gone from the metadata afterwards."""

    class Instance(Resource):
        __tablename__ = 'model_instance'

    yield Instance
    Resource.metadata.remove(Instance.__table__)
    Resource.registry._dispose_cls(Instance)


def test_must_belongs_project(instance_class):
    """Raises 4103 for another project's."""
    one = instance_class(id='i-1', project_id='p', status='running')
    one.must_belongs_project('p')
    with pytest.raises(ResourceNotBelongsToProject, match='i-1') as raised:
        one.must_belongs_project('q')
    assert raised.value.code == 4103


@pytest.mark.parametrize(
    ('status', 'busy'), [('creating', True), ('starting', True), ('active', False), ('', False)]
)
def test_busy(instance_class, status, busy):
    """While its status ends in `ing`."""
    one = instance_class(id='i-1', project_id='p', status=status)
    assert one.is_busy() is busy
    if busy:
        with pytest.raises(ResourceIsBusy, match='i-1'):
            one.must_not_busy()
    else:
        one.must_not_busy()


def test_a_resource_without_a_status_is_not_busy(instance_class):
    """A row that was just made, or that another program wrote."""
    assert not instance_class(id='i-1', project_id='p').is_busy()


def test_it_is_stored_in_a_transaction(instance_class):
    """With wumai's own tables, in one database."""
    from wumai_testing.simulation import simulation

    with simulation():
        with db.transaction() as session:
            session.add(instance_class(id='i-1', project_id='p', status='active'))
        with db.transaction() as session:
            assert session.get(instance_class, 'i-1').project_id == 'p'
