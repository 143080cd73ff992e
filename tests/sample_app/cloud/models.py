from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from wumai.model import Resource


class Instance(Resource):
    __tablename__ = 'instance'

    name: Mapped[str] = mapped_column(String(50))
    address: Mapped[str | None] = mapped_column(String(50), default=None)
