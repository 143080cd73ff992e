"""What a connection to PostgreSQL needs beside its statements: a peer that is gone without a word
is noticed, and no error tells the values of a row.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

from wumai.clock import Clock
from wumai.store import lost_peer

_LIBPQ_OPTIONS = {
    'keepalives_idle': lost_peer.KEEPALIVE_IDLE,
    'keepalives_interval': lost_peer.KEEPALIVE_INTERVAL,
    'keepalives_count': lost_peer.KEEPALIVE_COUNT,
    'tcp_user_timeout': lost_peer.UNACKNOWLEDGED,
}
_T = TypeVar('_T')


def prepare(engine: Engine, clock: Clock, patience: float | None) -> None:
    """Have `engine` connect so; what its URL says goes first. No answer is waited for longer than
    `patience` seconds; None is for ever.
    """

    def connect(
        _dialect: Any, _record: Any, arguments: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        connection = _Connection.connect(*arguments, **{**_LIBPQ_OPTIONS, **options})
        connection.clock, connection.patience = clock, patience
        return connection

    event.listen(engine, 'do_connect', connect)


class _Connection(psycopg.Connection[Any]):
    """Gives up by itself: the kernel notices no peer that is frozen, nor one behind a proxy.

    Of what the server says of an error, only the first line is told: DETAIL and CONTEXT may hold
    values of the row, and errors reach logs and the column error.
    """

    clock: Clock
    patience: float | None = None

    def wait(self, gen: PQGen[_T], *args: Any, **options: Any) -> _T:
        if self.patience is not None:
            gen = self._in_time(gen, self.patience)
        try:
            return super().wait(gen, *args, **options)
        except psycopg.Error as error:
            if told := error.diag.message_primary:
                error.args = (told,)
            raise

    def _in_time(self, steps: PQGen[_T], patience: float) -> PQGen[_T]:
        """`steps`, which psycopg resumes with nothing ready each 0.1 s; in any thread, and with
        gevent or without.
        """
        deadline = self.clock.monotonic() + patience
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and self.clock.monotonic() > deadline and self._is_executing():
                    self.close()  # an answer that comes late would be taken for another's
                    raise psycopg.OperationalError(f'no answer in {patience:g} s')
                wanted = steps.send(ready)
        except StopIteration as end:
            result: _T = end.value
            return result

    def _is_executing(self) -> bool:
        """And not listening, which may take as long as it likes."""
        return self.pgconn.transaction_status == TransactionStatus.ACTIVE
