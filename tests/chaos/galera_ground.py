"""Chaos on a cluster: a node is killed or partitioned, and joins again."""

import random

from sqlalchemy import Engine

from tests.chaos.galera import Galera, Node
from tests.chaos.ground import Base, Cut, Later, make_tables
from wumai.clock import SystemClock
from wumai.config import Config
from wumai.store.engine import ROLES, database_url, make_engine


class GaleraGround(Base):
    """One node at a time is in trouble, so that two are a majority."""

    name = 'galera'

    def __init__(self, cluster: Galera) -> None:
        super().__init__()
        self._cluster = cluster
        self._troubled: Node | None = None
        cluster.nodes[0].execute('CREATE DATABASE chaos CHARACTER SET utf8mb4')
        make_tables(self.engine())

    def url(self, slot: int) -> str:
        """Workers begin at different nodes, so that their writes collide."""
        return self._cluster.url('chaos', slot % len(self._cluster.nodes))

    def engine(self) -> Engine:
        conf = Config()
        conf.apply(DB_URL=self._cluster.url('chaos'))
        return make_engine(database_url(conf), ROLES['worker'].within(5), SystemClock())

    def trouble(self, rng: random.Random, later: Later, cut: Cut) -> None:
        if self._troubled is not None:
            return
        self._troubled = rng.choice(self._cluster.nodes)
        if rng.random() < 0.5:
            self._count('node killed')
            self._troubled.kill()
        else:
            self._count('node partitioned')
            self._troubled.isolate()
        later(rng.uniform(2.0, 5.0), self.heal)

    def heal(self) -> None:
        node, self._troubled = self._troubled, None
        if node is None:
            return
        if node.pid is None:
            self._cluster.rejoin(node)
        else:
            node.reconnect()
            node.await_synced()
