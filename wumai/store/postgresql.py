"""What a connection to PostgreSQL needs beside its statements: a peer that is gone without a word
is noticed.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from wumai.store import lost_peer

_LIBPQ_OPTIONS = {
    'keepalives_idle': lost_peer.KEEPALIVE_IDLE,
    'keepalives_interval': lost_peer.KEEPALIVE_INTERVAL,
    'keepalives_count': lost_peer.KEEPALIVE_COUNT,
    'tcp_user_timeout': lost_peer.UNACKNOWLEDGED,
}


def prepare(engine: Engine) -> None:
    """Have `engine` connect so; what its URL says goes first."""

    def connect(
        _dialect: Any, _record: Any, arguments: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        return psycopg.connect(*arguments, **{**_LIBPQ_OPTIONS, **options})

    event.listen(engine, 'do_connect', connect)
