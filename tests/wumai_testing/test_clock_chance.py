"""Chance inside virtual time comes from its seed, and is the process's own again afterwards."""

import os
import random
import secrets
import sys
import threading
import uuid
from collections.abc import Callable
from os import urandom
from pathlib import Path
from random import randint, seed
from typing import Any

import pytest

from wumai.model import Job
from wumai_testing.clock import virtual_time
from wumai_testing.simulation import simulation


def drawn() -> list[Any]:
    """By each way that an app knows."""
    return [
        random.random(),
        randint(0, 1 << 60),
        random.Random().random(),
        random.SystemRandom().random(),
        uuid.uuid4(),
        secrets.token_hex(),
        secrets.randbelow(1 << 60),
        os.urandom(8),
        urandom(8),
        after(random.seed),
        after(seed),
    ]


def after(seed_anew: Callable[[], None]) -> float:
    """What `random` gives after that."""
    seed_anew()
    return random.random()


def drawn_inside(number: int = 0) -> list[Any]:
    with virtual_time(seed=number):
        return drawn()


def test_a_seed_draws_the_same_each_time() -> None:
    """And another one something else, by each of the ways."""
    first = drawn_inside()
    assert drawn_inside() == first
    other = drawn_inside(1)
    assert not any(here == there for here, there in zip(first, other, strict=True))


def test_outside_chance_is_the_processs_own() -> None:
    """What `random` gives goes on where it was; nothing else repeats."""
    random.seed(7)
    wanted = [random.random() for _ in range(2)]
    random.seed(7)
    first = random.random()
    drawn_inside()
    assert [first, random.random()] == wanted
    before = drawn()
    drawn_inside()
    assert not any(here == there for here, there in zip(before, drawn(), strict=True))
    assert random.Random(5).random() == random.Random(5).random()


def test_a_generator_with_a_seed_of_its_own_keeps_it() -> None:
    wanted = random.Random('mine').random()
    with virtual_time():
        assert random.Random('mine').random() == wanted


def test_a_module_imported_inside_draws_from_the_system_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'drawing.py').write_text('from os import urandom')
    monkeypatch.syspath_prepend(str(tmp_path))
    with virtual_time():
        import drawing  # type: ignore[import-not-found]

        inside = drawing.urandom
    del sys.modules['drawing']
    assert inside is not os.urandom
    assert drawing.urandom is os.urandom


def test_a_thread_from_outside_draws_from_the_system() -> None:
    go, done = threading.Event(), threading.Event()
    seen: list[bytes] = []

    def outside() -> None:
        go.wait(10)
        seen.append(os.urandom(8))
        done.set()

    threads = [threading.Thread(target=outside) for _ in range(2)]
    for thread in threads:
        thread.start()
        with virtual_time():
            go.set()
            thread.join()
            inside = os.urandom(8)
        go.clear()
    assert inside not in seen
    assert seen[0] != seen[1]


def test_the_handlers_of_a_simulation_draw_the_same() -> None:
    """With the same seed; the ids of jobs come from another stream of it."""

    def results(number: int) -> list[Any]:
        with simulation(seed=number) as sim:
            sim.route(None, {'Draw': lambda _job: [str(one) for one in drawn()]})
            jobs = [Job.create('Draw') for _ in range(3)]
            sim.run_until_idle()
            return [(job, sim.jobs[job].result) for job in jobs]

    first = results(3)
    assert results(3) == first
    assert len({str(result) for _, result in first}) == 3
    assert results(4) != first
