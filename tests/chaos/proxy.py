"""A TCP proxy that can be told to be slow, to reset, to refuse and to swallow what it is sent.

It is a process of its own, `python -m tests.chaos.proxy`, told by lines on its standard input:
so it works beside any hub, and goes on while a test waits.
"""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

PASS, SLOW, RESET, HOLE, REFUSE = 'pass', 'slow', 'reset', 'hole', 'refuse'


class Proxy:
    """The process. Each of its `lanes` is a port of its own that leads to `target`."""

    def __init__(self, target: int, lanes: int = 1) -> None:
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tests.chaos.proxy', str(target), str(lanes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.ports: list[int] = self._read()

    def tell(self, lane: int, mode: str, seconds: float = 0.0) -> None:
        """Set what `lane` does: pass; slow, by `seconds` each way; hole: what is sent is lost,
        for good on the connections that lost some; refuse: no connection lives. Reset drops
        those that are open, and then passes. Returns when it is so.
        """
        self.send(lane, mode, seconds)
        self._read()

    def send(self, lane: int, mode: str, seconds: float) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([lane, mode, seconds]) + '\n')
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Lane:
    """One port of the proxy, inside its process."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._mode = PASS
        self._seconds = 0.0
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self) -> int:
        server = await asyncio.start_server(self._serve, '127.0.0.1', 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def set(self, mode: str, seconds: float) -> None:
        if mode in (RESET, REFUSE):
            for writer in list(self._writers):
                _reset(writer)
        self._mode, self._seconds = (PASS if mode == RESET else mode), seconds

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._mode == REFUSE:
            _reset(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection('127.0.0.1', self._target)
        except OSError:
            _reset(writer)
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        lost: list[bool] = []
        await asyncio.gather(
            self._pump(reader, far_writer, lost), self._pump(far_reader, writer, lost)
        )
        self._writers -= {writer, far_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: list[bool]
    ) -> None:
        try:
            while data := await reader.read(65536):
                if self._mode == SLOW:
                    await asyncio.sleep(self._seconds)
                if self._mode == HOLE:
                    lost.append(True)
                if not lost:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            if not lost:
                writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info('socket')
    with suppress(OSError):  # it may be closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    writer.transport.abort()


async def _main(arguments: Sequence[str]) -> None:
    target, count = map(int, arguments)
    lanes = [_Lane(target) for _ in range(count)]
    print(json.dumps([await lane.listen() for lane in lanes]), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        lane, mode, seconds = json.loads(line)
        lanes[lane].set(mode, seconds)
        print('true', flush=True)
    os._exit(0)  # in the middle of what its connections do


if __name__ == '__main__':
    asyncio.run(_main(sys.argv[1:]))
