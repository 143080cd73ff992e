"""An app with a mistake: a try that comes after a crash makes a second disk."""

from typing import Any

import flask
from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wumai import db
from wumai.model import Job, Resource
from wumai_testing.explore import invariant


class Disk(Resource):
    __tablename__ = 'explored_disk'

    instance: Mapped[str] = mapped_column(String(50))


def create_instance() -> dict[str, Any]:
    size = flask.request.params['size']  # type: ignore[attr-defined]
    return {'jobId': Job.create('CreateInstance', params={'size': size}, try_period=1)}


def make_instance(job: Any) -> dict[str, Any]:
    with db.transaction() as session:  # and not: unless there is one already
        disk = Disk(id=f'{job.id[4:]}-{job.trys}', project_id='p-1', status='new', instance=job.id)
        session.add(disk)
    job.sleep(10)  # the storage takes its time
    return {'disk': disk.id}


@invariant
def an_instance_has_one_disk(session: Session) -> None:
    query = select(Disk.instance).group_by(Disk.instance).having(func.count() > 1)
    doubled = session.scalars(query).first()
    assert doubled is None, f'{doubled} has more than one disk'


routes = {'CreateInstance': create_instance}
job_routes = {'CreateInstance': make_instance}
examples = {'CreateInstance': [{'size': 10}, {'size': 500}]}
