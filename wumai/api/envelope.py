"""The wire format: bytes to a call, a result or an error to bytes. No Flask, no clock, no I/O."""

import json
import math
import re
import traceback
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from wumai.common.jsonable import jsonable
from wumai.error import ActionError, describe
from wumai.iaas_error import InvalidRequestParameter
from wumai.store.db_errors import InDoubt, passes

JSON = 'application/json'
INTERNAL_ERROR = 'internal error: the log has its cause under this contextId'
DATABASE_AWAY = 'the database is away or busy: ask again later'
IN_DOUBT = 'the database was lost in a commit: it may be done already, look before you ask again'

_CONTEXT_ID = re.compile(r'[A-Za-z0-9._-]{1,64}')


class MalformedRequest(ActionError):
    """The request cannot be read as a call. `headers` belong to the answer."""

    code, http_status = 4110, 400

    def __init__(
        self, message: str, http_status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.headers = dict(headers or {})


class BadResult(Exception):
    """What a handler returned is no dict, or has no form in JSON."""


class MissingParameter(InvalidRequestParameter, KeyError):
    """A handler wanted a parameter that the client did not give."""

    __str__ = ActionError.__str__  # a KeyError's would have quotes around it


class Params(dict[str, Any]):
    """The whole body, `action` included. Raises MissingParameter for a key that is not there."""

    def __missing__(self, name: str) -> NoReturn:
        raise MissingParameter(f'the parameter {name!r} is missing')


class Call(NamedTuple):
    """What a client asks for."""

    action: str
    params: Params


class Answer(NamedTuple):
    """What the client gets. `code` is the body's retCode, 0 for a success."""

    code: int
    http_status: int
    body: bytes


def is_context_id(text: str) -> bool:
    """Whether a client may name its request like this."""
    return _CONTEXT_ID.fullmatch(text) is not None


def check_content_type(content_type: str | None) -> None:
    """Raise MalformedRequest unless it is JSON of any charset, or not given."""
    if not content_type or content_type == JSON:
        return
    mimetype = content_type.partition(';')[0].strip().lower()
    if mimetype != JSON and not mimetype.endswith('+json'):
        raise MalformedRequest(f'the Content-Type is to be {JSON}', 415)


def read_call(body: bytes) -> Call:
    """The call that a body asks for. Raises MalformedRequest, and nothing else."""
    params = _read_object(body)
    action = params.get('action')
    if not isinstance(action, str) or not action:
        raise MalformedRequest('"action" is to be a string, and not empty')
    return Call(action, Params(params))


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = _decoder.decode(body.removeprefix(BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise MalformedRequest(f'the body is not UTF-8 at byte {error.start}') from None
    except RecursionError:
        raise MalformedRequest('the body is nested too deep') from None
    except json.JSONDecodeError as error:
        raise MalformedRequest(f'the body is no JSON: {error}') from None
    except ValueError:  # Python's own for an int of more than 4300 digits, or that of `_finite`
        raise MalformedRequest('a number is too large') from None
    if not isinstance(value, dict):
        raise MalformedRequest('the body is no JSON object')
    return value


def _refuse(constant: str) -> NoReturn:
    raise MalformedRequest(f'the body is no JSON: {constant} is no number')


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError
    return number


_decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _encoder(indent: int | None, default: Any) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent, default=default)


def _jsonable_or_text(value: Any) -> str:
    """For the data of an error, which is better told roughly than not at all."""
    try:
        return jsonable(value)
    except TypeError:
        return str(value)


_results = {False: _encoder(None, jsonable), True: _encoder(2, jsonable)}
_errors = {False: _encoder(None, _jsonable_or_text), True: _encoder(2, _jsonable_or_text)}


def _encode(encoder: json.JSONEncoder, value: dict[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8; Python escapes it just as JSON does.
    return (encoder.encode(value) + '\n').encode(errors='backslashreplace')


def success(result: object, *, pretty: bool = False) -> Answer:
    """The answer to a call whose handler returned `result`. Raises BadResult.

    Keys that are int, float, bool or None become text as in `json.dumps`; others are refused.
    """
    if not isinstance(result, dict):
        raise BadResult(f'the handler returned no dict but a {type(result).__name__}')
    try:
        return Answer(0, 200, _encode(_results[pretty], result))
    except Exception as error:
        raise BadResult(f'the result is no JSON: {error}') from error


def failure(
    error: BaseException, context_id: str, *, debug: bool = False, pretty: bool = False
) -> Answer:
    """The answer to a call that ended in `error`."""
    code, http_status, message, told = _told(error)
    data: dict[str, Any] = {'contextId': context_id}
    body = {'retCode': code, 'message': message, 'data': data}
    if debug:
        data['exceptionStr'] = ''.join(traceback.format_exception(error)) + stacktrace_of(error)
    try:
        encoded = _encode(_errors[pretty], {**body, 'data': {**data, **told}})
    except Exception:
        # Data that cannot be told must not hide the error that they belong to.
        encoded = _encode(_errors[pretty], body)
    return Answer(code, http_status, encoded)


def _told(error: BaseException) -> tuple[int, int, str, Mapping[str, Any]]:
    """What a client is told: all of an ActionError, and of others only that there was one."""
    if isinstance(error, InDoubt):
        return ActionError.code, ActionError.http_status, IN_DOUBT, {}
    if passes(error):
        return ActionError.code, 503, DATABASE_AWAY, {}
    if not isinstance(error, ActionError):
        return ActionError.code, ActionError.http_status, INTERNAL_ERROR, {}
    return error.code, error.http_status, str(error.message) or describe(error), error.data


def stacktrace_of(error: BaseException) -> str:
    """What an ActionError knows of a cause elsewhere, to be put below its own traceback."""
    stacktrace = error.stacktrace if isinstance(error, ActionError) else ''
    return f'\n{stacktrace}' if stacktrace else ''
