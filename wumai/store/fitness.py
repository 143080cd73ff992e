"""Whether the columns of a table `job` that a team made itself can hold what wumai writes.

Where one cannot, jobs are not refused but lost: the token of a claim that is cut, or comes back as
something else than it was written, makes each outcome look late.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, get_args

from sqlalchemy import JSON, DateTime, Enum, Float, Integer, Numeric, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import NullType

from wumai.job import LONGEST_TOKEN, Status

ID_LENGTH = 32
"""Characters of an id that `Job.create` makes."""

_STATUSES = get_args(Status)
_LONGEST_STATUS = max(map(len, _STATUSES))


class _Need(NamedTuple):
    met: Callable[[Any], bool]
    told: str


def misfits(columns: Iterable[Any], dialect: Dialect) -> list[str]:
    """Of the columns of `job`, as they were reflected, those that do not do: what each is, and
    what it has to be.
    """
    needs = _NEEDS.get(dialect.name, _MYSQL)
    found = []
    for column in columns:
        need = needs.get(column['name'].lower())
        kind = getattr(column['type'], 'data_type', column['type'])  # what a DOMAIN is made of
        if need and not isinstance(kind, NullType) and not need.met(kind):
            found.append(f'{column["name"]} is {_name(kind, dialect)}, has to be {need.told}')
    return found


def _name(kind: Any, dialect: Dialect) -> str:
    name: str = kind.compile(dialect=dialect)
    return name.partition(' CHARACTER SET ')[0].partition(' COLLATE ')[0]


def _text(length: int) -> Callable[[Any], bool]:
    """Text of any length, or of at least this one."""
    return lambda kind: (
        isinstance(kind, String)
        and not isinstance(kind, Enum)
        and (kind.length is None or kind.length >= length)
    )


def _status(kind: Any) -> bool:
    if isinstance(kind, Enum):  # of which case is nothing to the server
        return {name.lower() for name in kind.enums}.issuperset(_STATUSES)
    return _text(_LONGEST_STATUS)(kind)


def _token(kind: Any) -> bool:
    return kind.__visit_name__ != 'CHAR' and _text(LONGEST_TOKEN)(kind)


# A shorter one does where only programs of the app's own make jobs.
_ID = _Need(_text(1), f'text, such as VARCHAR({ID_LENGTH})')
_TIME = _Need(
    lambda kind: isinstance(kind, DateTime) and not kind.timezone,
    'DATETIME or TIMESTAMP, without a time zone',
)
# Text would do in MySQL's sums, but an outcome in doubt is told from others by its number.
_NUMBER = _Need(lambda kind: isinstance(kind, Integer | Numeric | Float), 'INTEGER')
_ANYWHERE = {
    **dict.fromkeys(('updated', 'created', 'run_at'), _TIME),
    **dict.fromkeys(('try_period', 'try_max', 'trys'), _NUMBER),
    'id': _ID,
}
_VARCHAR_STATUS = f'VARCHAR({_LONGEST_STATUS}) or longer'
_VARCHAR_TOKEN = f'TEXT, or VARCHAR({LONGEST_TOKEN}) or longer'
_MYSQL = {
    **_ANYWHERE,
    'status': _Need(_status, f'{_VARCHAR_STATUS}, or ENUM of {", ".join(_STATUSES)}'),
    'result': _Need(_text(LONGEST_TOKEN), _VARCHAR_TOKEN),
}
_NEEDS = {
    # It keeps what it is given, but for the key that numbers its rows.
    'sqlite': {'id': _Need(lambda kind: not isinstance(kind, Integer), _ID.told)},
    'postgresql': {
        **_ANYWHERE,
        'status': _Need(_text(_LONGEST_STATUS), _VARCHAR_STATUS),  # its ENUM is never equal to text
        'result': _Need(_token, _VARCHAR_TOKEN),  # its CHAR comes back with blanks
        'params': _Need(lambda kind: not isinstance(kind, JSON), 'TEXT'),  # comes back parsed
    },
}
