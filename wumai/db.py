"""Transactions of the application on wumai's database."""

from collections.abc import Iterator
from contextlib import contextmanager

from gevent.local import local
from sqlalchemy.orm import Session

from wumai import bootstrap


class _Open(local):
    """The transaction of the running greenlet."""

    session: Session | None = None


_open = _Open()


@contextmanager
def transaction() -> Iterator[Session]:
    """An SQLAlchemy session for the running context: committed at the end, or rolled back.

    Nested ones join the outer, which decides: an error that it catches undoes nothing. A job
    created inside it is stored with the rest or not at all.
    """
    if _open.session is not None:
        yield _open.session
        return
    with Session(bootstrap.current().store.engine, expire_on_commit=False) as session:
        _open.session = session
        try:
            yield session
            session.commit()
        finally:
            _open.session = None


def current_session() -> Session | None:
    """The session of the transaction that is open in the running context."""
    return _open.session
