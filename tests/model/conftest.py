"""A runtime on a database of its own, for models without a simulation around them."""

import pytest
from gevent.event import Event
from sqlalchemy import text

from wumai import bootstrap
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.entropy import RandomEntropy
from wumai.notify.fanout import Fanout
from wumai.runtime import Runtime
from wumai.store import schema
from wumai.store.engine import ROLES, database_url, make_engine
from wumai.store.sql import SqlStore
from wumai.worker.heartbeat import ThreadHeartbeat


@pytest.fixture(params=['sqlite', 'mysql'])
def runtime(request, tmp_path):
    """The current runtime, on a new database with wumai's tables."""
    conf, clock = Config(), SystemClock()
    sqlite = f'sqlite:///{tmp_path}/wumai.db'
    conf.apply(
        DB_URL=sqlite if request.param == 'sqlite' else request.getfixturevalue('mysql_database')
    )

    def connect(role):
        return SqlStore(make_engine(database_url(conf), ROLES[role], clock))

    made = Runtime(
        config=conf,
        clock=clock,
        entropy=RandomEntropy(),
        connect=connect,
        notifier=Fanout([], clock),
        heartbeat=ThreadHeartbeat(lambda: connect('heartbeat')),
        worker_name='test',
    )
    schema.metadata.create_all(made.store.engine)
    with made.store.engine.begin() as connection:
        connection.execute(text('CREATE TABLE thing (name VARCHAR(20))'))
    bootstrap.provide(lambda: made)
    yield made
    bootstrap.provide(None)
    made.store.close()


@pytest.fixture
def woken(runtime):
    """How often the workers of this process were told of a new job, and what was committed then."""
    told = []

    def tell(ids):
        told.append([row.id for row in runtime.store.list_jobs(_ALL)])
        event.set()

    event = Event()
    told_event = _Told(told, event)
    forget = runtime.wakeups.listen(tell)
    yield told_event
    forget()


class _Told(list):
    """The list, and a wait for what comes from another greenlet."""

    def __init__(self, told, event):
        super().__init__()
        self._told, self._event = told, event

    def soon(self):
        """What was told, as soon as something was."""
        self._event.wait(5)
        return list(self._told)

    def now(self):
        """What was told until now."""
        return list(self._told)


class _All:
    status = action = project_id = after = None
    limit = 100
    newest_first = False


_ALL = _All()
