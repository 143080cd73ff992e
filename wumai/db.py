"""Transactions of the application on wumai's database."""

from collections.abc import Iterator
from contextlib import contextmanager

from gevent.local import local
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from wumai import bootstrap
from wumai.store.db_errors import InDoubt, translate


class _Open(local):
    """The transaction of the running greenlet."""

    session: Session | None = None


_open = _Open()


@contextmanager
def transaction() -> Iterator[Session]:
    """An SQLAlchemy session for the running context: committed at the end, or rolled back.

    Nested ones join the outer, which decides: an error that it catches undoes nothing. A job
    created inside it is stored with the rest or not at all. Raises InDoubt where the answer to
    its COMMIT was lost; other errors are SQLAlchemy's.
    """
    if _open.session is not None:
        yield _open.session
        return
    with Session(bootstrap.current().store.engine, expire_on_commit=False) as session:
        _open.session = session
        try:
            yield session
            _commit(session)
        finally:
            _open.session = None


def _commit(session: Session) -> None:
    session.flush()  # what is lost here is in no doubt
    try:
        session.commit()
    except (DBAPIError, OSError) as error:
        problem = translate(error, committing=True)
        if isinstance(problem, InDoubt):
            raise problem from error
        raise


def current_session() -> Session | None:
    """The session of the transaction that is open in the running context."""
    return _open.session
