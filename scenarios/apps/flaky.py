"""Jobs that fail as often as they are told."""


def flaky(job):
    if job.trys <= job.params.get('fail', 0):
        raise RuntimeError(f'fails in try {job.trys}')
    return {'ok': True}


job_routes = {'Flaky': flaky}
