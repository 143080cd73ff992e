"""A base for the tables of an app: what belongs to a project and has a status."""

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from wumai.iaas_error import ResourceIsBusy, ResourceNotBelongsToProject


class Resource(DeclarativeBase):
    """Abstract: subclass it with a `__tablename__` and columns of your own."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(10))

    def must_belongs_project(self, project_id: str) -> None:
        """Raise ResourceNotBelongsToProject unless it is that project's."""
        if self.project_id != project_id:
            raise ResourceNotBelongsToProject(self.id)

    def is_busy(self) -> bool:
        """Whether something is being done to it: its status ends in `ing`."""
        return (self.status or '').endswith('ing')

    def must_not_busy(self) -> None:
        """Raise ResourceIsBusy while something is being done to it."""
        if self.is_busy():
            raise ResourceIsBusy(self.id)
