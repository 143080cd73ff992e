"""A load over sockets: `python -m tests.benchmarks.load PORT CONNECTIONS SECONDS < BODY`.

Connections are kept alive, and each sends its next request when it was answered. Prints, as JSON,
what came back. It imports nothing of wumai, and costs a fraction of what any server does.
"""

import json
import re
import select
import socket
import subprocess
import sys
import time
from typing import NamedTuple

WARM_UP = 0.3
"""Seconds of answers that are not counted."""
_LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)


class Result(NamedTuple):
    """What a load found."""

    per_second: float
    """Requests answered."""
    p50: float
    """Milliseconds that half of the requests took at most."""
    p99: float


def load(address: tuple[str, int], body: bytes, connections: int, seconds: float) -> Result:
    """Send `body` again and again, from a process of its own."""
    command = [sys.executable, '-m', __name__, str(address[1]), str(connections), str(seconds)]
    done = subprocess.run(command, input=body, stdout=subprocess.PIPE, check=True)
    return Result(*json.loads(done.stdout))


def _request(body: bytes) -> bytes:
    head = (
        'POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: load\r\n'
        f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b'\r\n\r\n')
    if not end:
        return False
    assert head.startswith(b'HTTP/1.1 200 '), answer
    length = _LENGTH.search(head)
    assert length, answer
    return len(body) == int(length[1])


def _run(port: int, body: bytes, connections: int, seconds: float) -> Result:
    request, poll, clock = _request(body), select.epoll(), time.perf_counter
    socks = {}
    for _ in range(connections):
        sock = socket.create_connection(('127.0.0.1', port), 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(sock, select.EPOLLIN)
        socks[sock.fileno()] = sock
    began = clock()
    sent, got = dict.fromkeys(socks, began), dict.fromkeys(socks, b'')
    for sock in socks.values():
        sock.sendall(request)
    took: list[float] = []
    while (now := clock()) < began + WARM_UP + seconds:
        for number, _ in poll.poll(1):
            sock = socks[number]
            data = sock.recv(65536)
            assert data, 'the server has closed a connection'
            got[number] += data
            if not _is_whole(got[number]):
                continue
            now = clock()
            if now > began + WARM_UP:
                took.append(now - sent[number])
            got[number], sent[number] = b'', now
            sock.sendall(request)
    took.sort()
    return Result(
        len(took) / (now - began - WARM_UP),
        took[len(took) // 2] * 1000,
        took[len(took) * 99 // 100] * 1000,
    )


if __name__ == '__main__':
    port, connections, seconds = sys.argv[1:]
    print(json.dumps(_run(int(port), sys.stdin.buffer.read(), int(connections), float(seconds))))
