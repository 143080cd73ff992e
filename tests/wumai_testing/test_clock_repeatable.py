"""The same program gives the same log, event by event, whatever the hashes are."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.pool import Pool
from gevent.queue import Queue

from wumai_testing.clock import virtual_time

ROOT = Path(__file__).parents[2]


def program() -> list[str]:
    """Many ties: nodes that wake together, share a lock, time out, stall and crash."""
    log: list[str] = []
    with virtual_time() as clock:
        shared = Semaphore(1)

        def note(*what: object) -> None:
            node = clock.current_node
            log.append(f'{clock.now_ns} {node.name if node else "-"} {what}')

        def work(number: int) -> None:
            channel: Queue[int] = Queue()
            pool = Pool(3)

            def produce(item: int) -> None:
                gevent.sleep(item % 3)
                channel.put(item)
                note('put', item)

            for round_ in range(5):
                for item in {f'{number}{n}' for n in range(1)}:
                    pool.spawn(produce, int(item))
                gevent.sleep(2)
                with gevent.Timeout(3, False), shared:  # type: ignore[arg-type]
                    note('locked', round_)
                    gevent.sleep(1)
                while not channel.empty():
                    note('got', channel.get())
                note('waited', Event().wait(timeout=number % 2))

        for number in range(6):
            clock.node(f'n{number}').spawn(work, number)
        clock.advance(4)
        clock.nodes['n1'].crash()
        clock.nodes['n2'].stall(7)
        gevent.joinall([gevent.spawn_later(2, note, 'own', n) for n in range(3)])
        clock.advance(100)
    return log


def test_twice_in_one_process() -> None:
    """Nothing is left of the first run that could change the second."""
    first = program()
    assert len(first) > 80
    assert program() == first


def test_a_tie_goes_by_the_order_of_arming() -> None:
    """Over all nodes, not node by node."""
    log: list[str] = []
    with virtual_time() as clock:
        a, b = clock.node('a'), clock.node('b')

        def sleeper(name: str) -> None:
            gevent.sleep(10 - clock.monotonic())
            log.append(name)

        for at, (node, name) in enumerate([(b, 'b1'), (a, 'a1'), (b, 'b2'), (a, 'a2')]):
            node.spawn(sleeper, name)
            clock.advance(1)
            assert clock.monotonic() == at + 1
        clock.advance(10)
    assert log == ['b1', 'a1', 'b2', 'a2']


@pytest.mark.parametrize('seed', ['0', '4242'])
def test_in_another_process_under_another_hash_seed(seed: str) -> None:
    """Sets and dictionaries of the implementation show nowhere."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, 'PYTHONHASHSEED': seed, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == digest(program())


def digest(log: list[str]) -> str:
    return hashlib.sha256('\n'.join(log).encode()).hexdigest()


if __name__ == '__main__':
    print(digest(program()))
