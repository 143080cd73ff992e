"""A file that processes share: what is written without a record."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time

from wumai.common.log_file import LogFile

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
RECORD = logging.makeLogRecord({'msg': 'record', 'created': NOON})


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LogFile]:
    with freeze_time('2026-01-01 12:00:00'):
        file = LogFile(tmp_path / 'a.log', logging.Formatter())
        yield file
        file.close()


def test_a_line_is_appended_once_the_file_was_looked_at(file: LogFile, tmp_path: Path) -> None:
    """Each second begins with a record, which finds a file that was rotated or moved."""
    assert not file.write(NOON, 'early')
    file.handle(RECORD)
    assert file.write(NOON + 0.9, 'line')
    assert not file.write(NOON + 1, 'next second')
    assert (tmp_path / 'a.log').read_text() == 'record\nline\n'


def test_a_line_that_cannot_be_written_is_left_to_a_record(file: LogFile) -> None:
    """Which tells of it as logging does."""
    file.handle(RECORD)
    stream = file.clh.stream
    assert stream
    stream.close()
    assert not file.write(NOON, 'line')
    file.clh.stream = None
