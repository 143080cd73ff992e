"""The options of create_worker, where a test gives them."""

from typing import get_type_hints

from wumai.worker.options import WorkerOptions
from wumai_testing.worker_options import WorkerSettings


def test_they_are_those_of_create_worker() -> None:
    assert get_type_hints(WorkerSettings) == get_type_hints(WorkerOptions)
