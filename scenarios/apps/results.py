"""Actions and jobs that return or raise what their params say, storable or not."""

import uuid
from datetime import datetime
from decimal import Decimal

from flask import request

RESULTS = {
    'a list': [1, 2],
    'nothing': None,
    'an object': {'instance': object()},
    'NaN': {'load': float('nan')},
    'values': {
        'at': datetime(2026, 1, 31, 23, 59, 59),
        'price': Decimal('0.10'),
        'id': uuid.UUID(int=1),
    },
}


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError('no text')


def echo():
    return dict(request.params)


def get():
    return RESULTS[request.params['what']]


def returns(job):
    if 'text' in job.params:
        return {'text': job.params['text'] * job.params.get('repeat', 1)}
    return RESULTS[job.params['what']]


def raises(job):
    raise RuntimeError(job.params['text'] * job.params.get('repeat', 1))


def leaves(_job):
    raise SystemExit(3)


def raises_unprintable(_job):
    raise Unprintable


def show(job):
    """What a handler is told about its job."""
    return {
        'params': job.params,
        'project': job.project_id,
        'try': job.trys,
        'of': job.try_max,
        'age': job.age,
        'context': job.context_id.removeprefix(job.id),
    }


routes = {'Echo': echo, 'Get': get}
job_routes = {
    'Return': returns,
    'Raise': raises,
    'Leave': leaves,
    'RaiseUnprintable': raises_unprintable,
    'Show': show,
}
