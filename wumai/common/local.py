"""What belongs to the running context: one request, or one try of a job.

A greenlet does not inherit it, so each server enters it at the start of a request or try.
"""

from contextvars import ContextVar

_context_id: ContextVar[str] = ContextVar('wumai_context_id', default='-')
_server: ContextVar[str] = ContextVar('wumai_server', default='')


def get_context_id() -> str:
    """The id of the request or try that is running here, `-` outside of one."""
    return _context_id.get()


def get_server() -> str:
    """The name of the server that the running code belongs to, empty outside of any."""
    return _server.get()


def set_server(name: str) -> None:
    """Say which server the running code belongs to: whose logs its lines go to."""
    _server.set(name)


def enter(server: str, context_id: str) -> None:
    """Begin a request or a try of `server` in the running greenlet."""
    _server.set(server)
    _context_id.set(context_id)
