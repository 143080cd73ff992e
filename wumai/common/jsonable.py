"""How values that JSON lacks are written, in answers of the API and in results of jobs alike."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


def jsonable(value: Any) -> str:
    """For `json.dumps(default=...)`: a datetime is ISO 8601 UTC with Z (a naive one is UTC);
    date, Decimal and UUID are strings. Raises TypeError for anything else.
    """
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment.isoformat() + 'Z'
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f'{type(value).__name__} has no form in JSON')


encode = json.JSONEncoder(allow_nan=False, default=jsonable).encode
"""To JSON in ASCII, which any column can hold; made once, since `json.dumps` with options makes an
encoder each time. Raises TypeError, ValueError or RecursionError.
"""
