"""Jobs that take their time, and treat an interrupt well or badly."""

import contextlib

import gevent


def sleep(job):
    """`seconds` is a number, or a list with one for each try."""
    seconds = job.params['seconds']
    if isinstance(seconds, list):
        seconds = seconds[job.trys - 1]
    job.sleep(seconds)
    if job.trys <= job.params.get('fail', 0):
        raise RuntimeError(f'fails in try {job.trys}')
    return {'try': job.trys}


def swallow(job):
    """Goes on whatever happens, until it has worked for `seconds`."""
    for _ in range(job.params['seconds'] * 4):
        with contextlib.suppress(BaseException):
            job.sleep(0.25)
    return {'ok': True}


def clean_up(job):
    try:
        job.sleep(3600)
    finally:
        job.sleep(job.params['cleanup'])


def own_timeout(job):
    """Limits a part of its work by itself; `let_out` lets that limit end the try."""
    limit = gevent.Timeout(job.params['limit'])
    try:
        with limit:
            job.sleep(3600)
    except gevent.Timeout as timeout:
        if timeout is not limit or job.params.get('let_out'):
            raise
    return {'ok': True}


job_routes = {'Sleep': sleep, 'Swallow': swallow, 'CleanUp': clean_up, 'OwnTimeout': own_timeout}
