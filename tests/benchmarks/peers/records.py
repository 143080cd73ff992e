"""What the jobs of every peer do: note their number and when they began. Nothing else."""

import os
import struct
import time
from pathlib import Path

PATH = 'PEERS_RECORDS'
"""The variable that names the file."""
_FORM = struct.Struct('<qd')


def note(number: int) -> None:
    """In one write, which processes and threads may do at once."""
    handle = os.open(os.environ[PATH], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, _FORM.pack(number, time.monotonic()))
    os.close(handle)


def read(path: Path) -> list[tuple[int, float]]:
    """The numbers, and when each began."""
    data = path.read_bytes() if path.exists() else b''
    return list(_FORM.iter_unpack(data[: len(data) // _FORM.size * _FORM.size]))


def count(path: Path) -> int:
    return path.stat().st_size // _FORM.size if path.exists() else 0
