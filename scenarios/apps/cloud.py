"""An api that makes jobs and keeps a journal of them, and jobs that make jobs."""

from datetime import UTC, datetime

from flask import request
from sqlalchemy import insert

from scenarios.apps import flaky, slow
from wumai import db
from wumai.iaas_error import ResourceIsBusy
from wumai.model import Job
from wumai.model.operation import journalled
from wumai.store import schema


def create_job():
    params = request.params
    run_at = params.get('runAt')
    job_id = Job.create(
        params['job'],
        params=params.get('params'),
        project_id=params.get('projectId'),
        run_at=run_at and datetime.fromisoformat(run_at),
        try_period=params.get('tryPeriod', 600),
        try_max=params.get('tryMax', 3),
    )
    return {'jobId': job_id}


def create_jobs():
    return {'jobIds': Job.create_many(request.params['jobs'])}


def create_and_fail():
    with db.transaction():
        Job.create('Flaky')
        raise RuntimeError('after the job was created')


@journalled(resource_type='instance', resource_ids='instanceId')
def create_instance():
    if request.params.get('busy'):
        raise ResourceIsBusy(request.params['instanceId'])
    return {'instanceId': 'i-1', 'jobId': Job.create('Flaky')}


def insert_job():
    """A row as another program would write it."""
    row = {'id': 'job-foreign', 'status': 'pending', **request.params['row']}
    if deep := request.params.get('deep'):
        row['params'] = '[' * deep + ']' * deep
    with db.transaction() as session:
        session.execute(insert(schema.job), [row])
    return {'jobId': row['id']}


def list_jobs():
    jobs = Job.list()
    return {'jobs': [{'id': j.id, 'action': j.action, 'status': j.status} for j in jobs]}


def cancel_job():
    return {'done': Job.cancel(request.params['jobId'])}


def retry_job():
    return {'done': Job.retry(request.params['jobId'])}


def relay(job):
    """Makes the next of so many `legs`."""
    job.sleep(1)
    legs = job.params['legs']
    return {'next': Job.create('Relay', params={'legs': legs - 1}) if legs > 1 else None}


def echo(job):
    return job.params


def tell_time(_job):
    return {'utc': datetime.now(UTC).replace(microsecond=0)}  # noqa: TID251 - an app may


routes = {
    'CreateJob': create_job,
    'CreateJobs': create_jobs,
    'CreateAndFail': create_and_fail,
    'CreateInstance': create_instance,
    'InsertJob': insert_job,
    'ListJobs': list_jobs,
    'CancelJob': cancel_job,
    'RetryJob': retry_job,
}
job_routes = {
    'Relay': relay,
    'Echo': echo,
    'TellTime': tell_time,
    **flaky.job_routes,
    **slow.job_routes,
}
