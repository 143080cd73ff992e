"""What clients ask for. An action that takes its time makes a job, and answers with its id."""

from datetime import datetime, timedelta
from typing import Any

from wumai import bootstrap, db
from wumai.api.app import request
from wumai.cli.demo_app.models import Instance, find
from wumai.model import Job, Resource
from wumai.server import create_api

PROJECT = 'demo'


def create_instance() -> dict[str, Any]:
    """The row and its job are committed together, or not at all."""
    params = request.params
    instance = Instance(
        id=new_id(), project_id=PROJECT, status='creating',
        name=str(params['name']), image=str(params.get('image', 'debian')),
    )  # fmt: skip
    with db.transaction() as session:
        session.add(instance)
        job_id = new_job('CreateInstance', instance, image=instance.image)
    return {'instanceId': instance.id, 'jobId': job_id}


def resize_instance() -> dict[str, Any]:
    """Refused where the instance is not there (4104), or is busy (4105)."""
    with db.transaction():
        instance = find(request.params['instanceId'])
        instance.must_not_busy()
        instance.status = 'resizing'
        job_id = new_job('ResizeInstance', instance, cores=request.params['cores'], try_max=1)
    return {'jobId': job_id}


def backup_instance() -> dict[str, Any]:
    """A job for later: it waits for its time."""
    due = now() + timedelta(seconds=request.params.get('inSeconds', 3))
    with db.transaction():
        job_id = new_job('BackupInstance', find(request.params['instanceId']), run_at=due)
    return {'jobId': job_id}


def describe_instances() -> dict[str, Any]:
    with db.transaction() as session:
        return {'instances': [described(one) for one in session.query(Instance)]}


def describe_jobs() -> dict[str, Any]:
    """All jobs, as the table `job` has them."""
    return {'jobs': [described_job(job) for job in Job.list(limit=1000)]}


def described(instance: Instance) -> dict[str, Any]:
    return {
        'id': instance.id, 'name': instance.name, 'status': instance.status,
        'image': instance.image, 'cores': instance.cores,
    }  # fmt: skip


def described_job(job: Job) -> dict[str, Any]:
    return {
        'id': job.id, 'action': job.action, 'status': job.status, 'trys': job.trys,
        'tryMax': job.try_max, 'runAt': job.run_at, 'result': job.result,
        'error': (job.error or '').partition('\n')[0], 'name': job.params.get('name', '-'),
    }  # fmt: skip


def new_job(
    action: str,
    instance: Instance,
    *,
    run_at: datetime | None = None,
    try_max: int = 3,
    **params: Any,
) -> str:
    named = {'instanceId': instance.id, 'name': instance.name, **params}
    return Job.create(
        action, params=named, project_id=PROJECT, run_at=run_at, try_period=1, try_max=try_max
    )


def new_id() -> str:
    return 'i-' + bootstrap.current().entropy.nonce()


def now() -> datetime:
    return bootstrap.current().clock.now()


ROUTES = {
    'CreateInstance': create_instance,
    'ResizeInstance': resize_instance,
    'BackupInstance': backup_instance,
    'DescribeInstances': describe_instances,
    'DescribeJobs': describe_jobs,
}

api = create_api('api').route(ROUTES)
with db.transaction() as session:
    Resource.metadata.create_all(session.connection())
