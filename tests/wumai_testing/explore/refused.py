"""An app without examples: its API refuses every call, so no job of it ever runs."""

from typing import Any

import flask

from wumai.model import Job


def create_instance() -> dict[str, Any]:
    name = flask.request.params['name']  # type: ignore[attr-defined]
    return {'jobId': Job.create('CreateInstance', params={'name': name})}


routes = {'CreateInstance': create_instance}
job_routes = {'CreateInstance': print}
