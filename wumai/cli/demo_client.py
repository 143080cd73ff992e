"""A client of the action API, over real HTTP."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 10.0


class Client:
    """Keeps one connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)

    def call(self, action: str, **params: Any) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the body of the answer. Raises OSError or HTTPException."""
        body = json.dumps({'action': action, **params})
        self._connection.request('POST', '/', body, {'Content-Type': 'application/json'})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._connection.close()
