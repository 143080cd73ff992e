"""A seed is the same run wherever it is run."""

import hashlib
import os
import random
import secrets
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from wumai_testing.explore.application import App, load_app
from wumai_testing.explore.driver import run
from wumai_testing.explore.many import Settings

ROOT = Path(__file__).parents[3]
SEEDS = (1, 2)


def digests() -> str:
    """Of all that the runs have written: their events, and the rows as they ended."""
    app = load_app()
    runs = [run(Settings().plan(seed, app), app) for seed in SEEDS]
    return ' '.join(hashlib.sha256(one.timeline.encode()).hexdigest() for one in runs)


@pytest.fixture(scope='module')
def here() -> str:
    return digests()


def test_twice_here(here: str) -> None:
    assert digests() == here
    assert len(set(here.split())) == len(SEEDS)


def by_chance(job: Any) -> str:
    job.sleep(random.random())
    if secrets.randbelow(2):
        raise RuntimeError(uuid.uuid4())
    return secrets.token_hex()


def test_an_app_that_draws_by_itself() -> None:
    app = App('app', {'ByChance': by_chance})
    first, second = (run(Settings().plan(7, app), app).timeline for _ in range(2))
    assert 'RuntimeError' in first
    assert first == second


def test_in_another_process_with_other_hashes(here: str) -> None:
    program = f'from {__name__} import digests; print(digests())'
    environ = {**os.environ, 'PYTHONHASHSEED': '4242', 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, '-c', program]
    there = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    assert there.stdout.strip() == here, there.stderr
