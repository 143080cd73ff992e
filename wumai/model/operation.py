"""The journal of what users did: the table `operation`."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from wumai import bootstrap, db, logger
from wumai.clock import floor_second
from wumai.common.jsonable import jsonable
from wumai.common.secrets import mask
from wumai.error import ActionError
from wumai.runtime import Runtime
from wumai.store import schema

Handler = Callable[[], dict[str, Any]]
ResourceIds = str | Callable[[dict[str, Any], dict[str, Any]], list[str]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the journal. Times are naive UTC; `ret_code` is 0 for a success."""

    id: str
    project_id: str | None
    access_key: str | None
    action: str
    params: str | None
    ret_code: int | None
    resource_type: str | None
    resource_ids: str | None
    ret_message: str | None
    updated: datetime | None
    created: datetime | None

    @staticmethod
    def list(
        *, project_id: str | None = None, action: str | None = None, limit: int = 100
    ) -> 'list[Operation]':
        """The latest operations, newest first."""
        columns = schema.operation.c
        query = select(*(columns[name] for name in Operation.__slots__)).limit(limit)
        for name, value in (('project_id', project_id), ('action', action)):
            if value is not None:
                query = query.where(columns[name] == value)
        with db.transaction() as session:
            rows = session.execute(query.order_by(columns.id.desc())).all()
        return [Operation(*row) for row in rows]


def journalled(
    *, resource_type: str | None = None, resource_ids: ResourceIds | None = None
) -> Callable[[Handler], Handler]:
    """Write an Operation for each call of an API handler.

    `resource_ids` is a key of the result or of the params that holds an id or a list of them,
    or a function of (params, result). The row is stored in one transaction with what the handler
    does in `db.transaction()`; for an action that failed, in a transaction of its own.
    Secrets in params are masked.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def journalled_handler() -> dict[str, Any]:
            try:
                with db.transaction():
                    result = handler()
                    _write(resource_type, resource_ids, result, 0, '')
                return result
            except BaseException as error:  # a gevent.Timeout too
                _write_failure(resource_type, resource_ids, error)
                raise

        journalled_handler.wumai_journalled = True  # type: ignore[attr-defined]
        return journalled_handler

    return decorate


def _write_failure(
    resource_type: str | None, resource_ids: ResourceIds | None, error: BaseException
) -> None:
    known = isinstance(error, ActionError)
    code = error.code if isinstance(error, ActionError) else ActionError.code
    message = str(error) if known else type(error).__name__
    try:
        with db.transaction():
            _write(resource_type, resource_ids, {}, code, message)
    except Exception:
        # The client is to hear of its own error, not of this one.
        logger.exception('the operation could not be journalled')


def _write(
    resource_type: str | None,
    resource_ids: ResourceIds | None,
    result: dict[str, Any],
    code: int,
    message: str,
) -> None:
    runtime = bootstrap.current()
    now = runtime.clock.now()
    from wumai.api.app import request  # whose Flask a worker that imports this goes without

    params = request.params
    texts = {
        'project_id': params.get('projectId', params.get('project_id')),
        'access_key': params.get('accessKey', params.get('access_key')),
        'action': params.get('action'),
        'params': json.dumps(mask(params), default=jsonable),
        'resource_type': resource_type,
        'resource_ids': json.dumps(_resource_ids(resource_ids, params, result)),
        'ret_message': message,
    }
    values = {
        **{name: _fitted(runtime, name, value) for name, value in texts.items()},
        'id': runtime.entropy.job_id(now).replace('job-', 'op-', 1),
        'ret_code': code,
        'updated': floor_second(now),
        'created': floor_second(now),
    }
    runtime.store.insert_operation(values, db.current_session())


def _fitted(runtime: Runtime, column: str, value: Any) -> str | None:
    """`value` as its column can store it: the journal is to fail no action."""
    if value is None:
        return None
    length = getattr(schema.operation.c[column].type, 'length', None)
    # Its long texts are taken to be of the kind of a job's.
    return runtime.store.limits.fitting('error', str(value)[:length])


def _resource_ids(
    wanted: ResourceIds | None, params: dict[str, Any], result: dict[str, Any]
) -> list[str]:
    if wanted is None:
        return []
    found = wanted(params, result) if callable(wanted) else result.get(wanted, params.get(wanted))
    if found is None:
        return []
    return [str(one) for one in found] if isinstance(found, list | tuple) else [str(found)]
