import flask

from cloud.models import Instance
from wumai import db, iaas_error, project_error
from wumai.model import Job, journalled

QUOTA = 3


@journalled(resource_type='instance', resource_ids='instanceId')
def create_instance():
    params = flask.request.params
    name = params.get('name')
    if not isinstance(name, str):
        raise iaas_error.InvalidRequestParameter('name must be a string')
    project_id = params.get('projectId', 'p-1')
    with db.transaction() as session:
        used = session.query(Instance).filter_by(project_id=project_id).count()
        if used >= QUOTA:
            raise project_error.ResourceQuotaNotEnough('instance', used, 1)
        instance = Instance(id=f'i-{name}', project_id=project_id, status='creating', name=name)
        session.add(instance)
        job_id = Job.create('CreateInstance', params={'id': instance.id}, project_id=project_id)
    return {'jobId': job_id, 'instanceId': instance.id}


def describe_instances():
    with db.transaction() as session:
        instances = session.query(Instance).order_by(Instance.id).all()
        return {'instances': [{'id': one.id, 'status': one.status} for one in instances]}


def delete_instance():
    params = flask.request.params
    with db.transaction() as session:
        instance = session.get(Instance, params['instanceId'])
        if instance is None:
            raise iaas_error.ResourceNotFound(params['instanceId'])
        instance.must_belongs_project(params.get('projectId', 'p-1'))
        instance.must_not_busy()
        session.delete(instance)
    return {}


routes = {
    'CreateInstance': create_instance,
    'DescribeInstances': describe_instances,
    'DeleteInstance': delete_instance,
}
