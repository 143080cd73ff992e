"""What belongs to the running context: one request, or one try of a job."""

from contextvars import ContextVar

_context_id: ContextVar[str] = ContextVar('wumai_context_id', default='-')


def get_context_id() -> str:
    """The id of the request or try that is running here, `-` outside of one."""
    return _context_id.get()


def set_context_id(context_id: str) -> None:
    """Name the running context; each greenlet has its own."""
    _context_id.set(context_id)
