"""HTTP POST for channels. The URL and the headers are secrets: no error and no log shows them."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from wumai.error import WumaiError

TIMEOUT = 10
"""Seconds for a connect, and for each wait for the answer."""


class DeliveryError(WumaiError):
    """A message was not taken; the text tells why, without the address."""


def post_json(url: str, payload: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Send `payload`. Raises DeliveryError unless it is answered with a 2xx."""
    import requests  # 80 ms that only a process which sends has to pay

    try:
        _keep_from_debug_logs(url)
        # A redirect would take the secret headers to another host. The body is of no interest.
        with requests.post(
            url,
            json=payload,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status = answer.status_code
    except Exception as error:
        raise DeliveryError(_kind_of(error)) from None
    if status // 100 != 2:
        raise DeliveryError(f'answered with HTTP {status}')


def _kind_of(error: Exception) -> str:
    """The classes of an error: its text holds the URL."""
    reason = getattr(error.args[0], 'reason', None) if error.args else None
    inner = f' ({type(reason).__name__})' if isinstance(reason, Exception) else ''
    return type(error).__name__ + inner


class _WithoutPaths(logging.Filter):
    """Drops the lines in which urllib3 tells the path of a request, for the paths it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(path in message for path in self.paths)


_without_paths = _WithoutPaths()


def _keep_from_debug_logs(url: str) -> None:
    path = urlsplit(url).path
    if len(path) > 1:
        _without_paths.paths.add(path)
        logging.getLogger('urllib3.connectionpool').addFilter(_without_paths)
