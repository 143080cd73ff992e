"""What takes longer. A handler takes the job, and what it returns is the job's result.

A hypervisor is not at hand, so the jobs wait a little, and have the troubles of real ones.
"""

from typing import Any

from wumai.cli.demo_app.models import set_status
from wumai.server import create_worker
from wumai.worker.running import RunningJob

EXEC_TIMEOUT = 2


class ImageServerBusy(Exception):
    """Over when it is tried again."""


class NoHostIsFree(Exception):
    """And none will be."""


def create_instance(job: RunningJob) -> dict[str, Any]:
    """An image `windows` is not there at the first try; for an image `cuda` there is no host."""
    job.sleep(0.3)
    if job.params['image'] == 'windows' and job.trys == 1:
        raise ImageServerBusy('image windows is still being copied')
    if job.params['image'] == 'cuda':
        if job.is_last_try:
            set_status(job.params['instanceId'], 'error')
        raise NoHostIsFree('no host with a GPU is free')
    set_status(job.params['instanceId'], 'active')
    return {'address': '10.0.0.7'}


def resize_instance(job: RunningJob) -> dict[str, Any]:
    """The hypervisor never answers. What is in `finally` runs when the try is timed out."""
    try:
        job.sleep(3600)
    finally:
        set_status(job.params['instanceId'], 'active')
    return {'cores': job.params['cores']}


def backup_instance(job: RunningJob) -> dict[str, Any]:
    job.sleep(0.2)
    return {'backup': f'backup of {job.params["name"]}'}


class Terminal:
    """A channel of the app's own; what it prints is shown by the demo."""

    name = 'terminal'

    def send(self, text: str) -> None:
        print(f'notice: {text}', flush=True)


JOB_ROUTES = {
    'CreateInstance': create_instance,
    'ResizeInstance': resize_instance,
    'BackupInstance': backup_instance,
}

worker = create_worker(exec_timeout=EXEC_TIMEOUT, poll_interval=0.5, grace=2)
worker.route(JOB_ROUTES).add_notifier(Terminal())
