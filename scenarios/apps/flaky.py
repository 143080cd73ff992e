"""Jobs that fail, give up or wait as often as they are told."""

from wumai.job import GiveUp, RunLater


def flaky(job):
    if job.trys <= job.params.get('fail', 0):
        raise RuntimeError(f'fails in try {job.trys}')
    return {'ok': True}


def give_up(_job):
    raise GiveUp('the image is gone')


def run_later(job):
    """Waits until the job is so old."""
    if job.age < job.params['age']:
        raise RunLater(job.params['again'])
    return {'try': job.trys}


def until_last(job):
    if not job.is_last_try:
        raise RuntimeError('not yet')
    return {'try': job.trys, 'of': job.try_max}


job_routes = {
    'Flaky': flaky,
    'GiveUp': give_up,
    'RunLater': run_later,
    'UntilLast': until_last,
}
