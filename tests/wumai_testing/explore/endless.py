"""An app with a handler that never ends: in the first process that comes to it, or in all."""

import os
from typing import Any

FIRST = os.environ.get('WUMAI_TEST_FIRST', '')
"""The file by which a process knows that it is the first; empty where none ends."""


def end_or_not(_job: Any) -> None:
    try:
        if FIRST:
            os.close(os.open(FIRST, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    while True:
        pass


job_routes = {'EndOrNot': end_or_not}
