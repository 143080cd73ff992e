"""A Galera cluster of one's own: MariaDB servers on loopback, each with its own data."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pymysql

from tests.waiting import until
from wumai_testing.mariadb import MariaDB, MariaDBError, _free_port, _program

PROVIDERS = ('/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so')
SYNCED = 90.0
"""Seconds in which a node must have joined, its copy of the data included."""
_PROVIDER_OPTIONS = {
    'gcache.size': '16M',
    'evs.keepalive_period': 'PT0.3S',
    'evs.inactive_check_period': 'PT0.2S',
    'evs.suspect_timeout': 'PT1.5S',
    'evs.inactive_timeout': 'PT3S',
    'evs.install_timeout': 'PT3S',
}


def provider() -> str | None:
    """Galera's library, where it is."""
    return next((path for path in PROVIDERS if Path(path).exists()), None)


class Node(MariaDB):
    """One server of the cluster."""

    def __init__(self, cluster: str, name: str) -> None:
        super().__init__()
        self.name = name
        self.gcomm, self._ist, self._sst = (_free_port() for _ in range(3))
        self._cluster = cluster
        self._address = ''
        self._bootstraps = False

    def join(self, address: str, *, bootstrap: bool = False) -> Self:
        """Start, and wait until it is a synced member. With `bootstrap`, as the first one."""
        self._address, self._bootstraps = address, bootstrap
        self.start()
        self.await_synced()
        return self

    def await_synced(self) -> None:
        """Wait until it serves as a member of the primary component."""
        until(lambda: self.status('wsrep_ready') == 'ON', SYNCED, f'{self.name} synced')

    def status(self, name: str) -> str | None:
        """A status variable; None where the server does not answer."""
        with suppress(pymysql.Error, OSError):
            return str(self.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])
        return None

    def isolate(self) -> None:
        """Cut it off from the others: it goes on to run, but refuses to serve."""
        self.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")

    def reconnect(self) -> None:
        """End that."""
        self.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")

    def _prepared(self) -> Path:
        folder = super()._prepared()
        if os.geteuid() == 0:  # rsync, which copies the data, gives root's rights up
            for path in (folder, *folder.rglob('*')):
                shutil.chown(path, 'mysql')
        return folder

    def _command(self, folder: Path) -> list[str]:
        library = provider()
        assert library
        options = _PROVIDER_OPTIONS | {
            'gmcast.listen_addr': f'tcp://127.0.0.1:{self.gcomm}',
            'ist.recv_addr': f'127.0.0.1:{self._ist}',
            'ist.recv_bind': f'127.0.0.1:{self._ist}',
        }
        command = [one for one in super()._command(folder) if one != '--user=root']
        return [
            *command,
            *(['--user=mysql'] if os.geteuid() == 0 else []),
            '--binlog-format=ROW',
            '--innodb-autoinc-lock-mode=2',
            '--innodb-flush-log-at-trx-commit=0',
            '--wsrep-on=ON',
            f'--wsrep-provider={library}',
            f'--wsrep-cluster-name={self._cluster}',
            f'--wsrep-cluster-address={self._address}',
            f'--wsrep-node-name={self.name}',
            '--wsrep-node-address=127.0.0.1',
            '--wsrep-sst-method=rsync',
            f'--wsrep-sst-receive-address=127.0.0.1:{self._sst}',
            '--wsrep-provider-options=' + ';'.join(f'{k}={v}' for k, v in options.items()),
            *(['--wsrep-new-cluster'] if self._bootstraps else []),
        ]


class Galera:
    """Three nodes, ready when the block begins, gone when it ends."""

    def __init__(self, count: int = 3) -> None:
        self._name = f'wumai-{os.getpid()}'
        self._count = count
        self.nodes: Sequence[Node] = ()

    @staticmethod
    def available() -> bool:
        """Whether this machine has all that it takes."""
        return MariaDB.available() and bool(provider()) and bool(_program('rsync'))

    @property
    def address(self) -> str:
        return 'gcomm://' + ','.join(f'127.0.0.1:{node.gcomm}' for node in self.nodes)

    def url(self, database: str, first: int = 0) -> str:
        """All nodes in one URL, that of index `first` at its head."""
        order = [*self.nodes[first:], *self.nodes[:first]]
        hosts = ','.join(f'127.0.0.1:{node.port}' for node in order)
        return f'mysql+pymysql://root@{hosts}/{database}'

    def rejoin(self, node: Node) -> None:
        """Start a node that was killed or stopped."""
        node.join(self.address)

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        try:
            self._start()
        except (MariaDBError, AssertionError):  # another may have taken one of the ports
            self._start()
        return self

    def _start(self) -> None:
        self.nodes = [Node(self._name, f'node{n}') for n in range(1, self._count + 1)]
        try:
            for node in self.nodes:
                node.join(self.address, bootstrap=node is self.nodes[0])
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
