"""A client of the action API, in process: no socket, the production path from bytes to bytes."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import flask

from wumai.api.router import UnknownAction
from wumai_testing.timeline import Timeline


class Reply(Mapping[str, Any]):
    """An answer: its body as a mapping, and what it means."""

    def __init__(
        self, request: bytes, http_status: int, headers: Mapping[str, str], body: bytes,
        logs: Callable[[str], Iterable[str]],
    ) -> None:  # fmt: skip
        self.request = request
        self.http_status = http_status
        self.headers = headers
        self.bytes = body
        self._logs = logs

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON object. Raises AssertionError if it is none."""
        value = _object(self.bytes)
        assert value is not None, f'the answer is no JSON object\n{self.describe()}'
        return value

    def __getitem__(self, key: str) -> Any:
        body = self.body
        if key not in body:
            raise KeyError(f'the answer has no {key!r}\n{self.describe()}')
        return body[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.body)

    def __len__(self) -> int:
        return len(self.body)

    @property
    def ret_code(self) -> int:
        """0 for a success, else a code of the error table."""
        return int(self.body.get('retCode', 0))

    @property
    def message(self) -> str:
        return str(self.body.get('message', ''))

    @property
    def data(self) -> dict[str, Any]:
        """What an error says beside its message: contextId, resourceId, ..."""
        return dict(self.body.get('data', {}))

    @property
    def context_id(self) -> str:
        return self.headers.get('X-Request-Id', '')

    def expect(
        self, *, ret_code: int | None = None, http: int | None = None, message: str | None = None
    ) -> 'Reply':
        """Raise AssertionError with request, answer and log lines unless it is as given;
        `message` is to be contained. Returns the reply.
        """
        __tracebackhide__ = True
        wrong = []
        if ret_code is not None and self.ret_code != ret_code:
            wrong.append(f'retCode is {self.ret_code}, not {ret_code}')
        if http is not None and self.http_status != http:
            wrong.append(f'the HTTP status is {self.http_status}, not {http}')
        if message is not None and message not in self.message:
            wrong.append(f'the message is {self.message!r}, without {message!r}')
        if wrong:
            raise AssertionError('\n'.join([*wrong, self.describe()]))
        return self

    def describe(self) -> str:
        """Request, answer and the log lines of its context id."""
        return '\n'.join(
            [
                f'request: {_shown(self.request)}',
                f'answer:  {self.http_status} {_shown(self.bytes)}',
                f'context: {self.context_id}',
                *(f'log:     {line}' for line in self._logs(self.context_id)),
                *self._hints(),
            ]
        )

    def _hints(self) -> Iterator[str]:
        if (_object(self.bytes) or {}).get('retCode') == UnknownAction.code:
            yield (
                'hint:    no route has this action; wumai_sim.route(routes), or the `app` of a '
                'scenario, adds routes'
            )

    def __repr__(self) -> str:
        return f'<reply {self.http_status} {_shown(self.bytes)}>'


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _shown(raw: bytes) -> str:
    text = raw.decode('utf-8', 'backslashreplace').strip()
    return text if len(text) <= 2000 else f'{text[:2000]}... ({len(raw)} bytes)'


class Client:
    """Calls actions of an api."""

    def __init__(
        self,
        app: flask.Flask,
        logs: Callable[[str], Iterable[str]],
        timeline: Timeline,
        budgeted: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._client = app.test_client()
        self._logs = logs
        self._timeline = timeline
        self._budgeted = budgeted

    def call(self, action: str, /, **params: Any) -> Reply:
        """Call `action` with `params`."""
        return self.post(json.dumps({'action': action, **params}).encode())

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """Send raw bytes, as JSON unless `headers` say otherwise."""
        return self.send(body, {'Content-Type': 'application/json', **(headers or {})})

    def send(
        self, body: bytes, headers: Mapping[str, str], *, method: str = 'POST', path: str = '/'
    ) -> Reply:
        """Send a request with these headers alone."""
        with self._budgeted('api'):
            answer = self._client.open(path, method=method, data=body, headers=dict(headers))
        answered = dict(answer.headers)
        reply = Reply(body, answer.status_code, answered, answer.get_data(), self._logs)
        self._timeline.add('call', action=_action(body), http=reply.http_status)
        return reply


def _action(body: bytes) -> str:
    try:
        return str(json.loads(body)['action'])
    except (ValueError, RecursionError, LookupError, TypeError):
        return '(malformed)'
