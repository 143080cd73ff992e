"""The settings of the app, and its one table."""

import os
from pathlib import Path

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from wumai import db
from wumai.config import CONF
from wumai.iaas_error import ResourceNotFound
from wumai.model import Resource

CONF.apply(app_root=Path(__file__).parent, log_dir=os.environ.get('WUMAI_DEMO_LOGS', 'logs'))


class InstanceNotFound(ResourceNotFound):
    """Answered with the code of its parent, 4104."""


class Instance(Resource):
    """A virtual machine, had there been a hypervisor."""

    __tablename__ = 'instance'

    name: Mapped[str] = mapped_column(String(50))
    image: Mapped[str] = mapped_column(String(50))
    cores: Mapped[int] = mapped_column(default=1)


def find(instance_id: str) -> Instance:
    """The instance, in the transaction that is open. Raises InstanceNotFound."""
    with db.transaction() as session:
        instance = session.get(Instance, instance_id)
    if instance is None:
        raise InstanceNotFound(instance_id)
    return instance


def set_status(instance_id: str, status: str) -> None:
    """Write the status of an instance, in a transaction of its own or in the one that is open."""
    with db.transaction() as session:
        find(instance_id).status = status
        session.flush()
