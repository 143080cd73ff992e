"""Actions that fail as the request asks."""

import builtins
import sys
import traceback

from flask import request

from wumai import iaas_error, project_error
from wumai.error import ActionError


class InstanceNotFound(iaas_error.ResourceNotFound):
    """An error of the app's own: it has its parent's code."""


class LicenceExpired(ActionError):
    """An error of the app's own, with a code of the app's own."""

    code, http_status = 7402, 402


def fail():
    name, arguments = request.params['error'], request.params.get('arguments', [])
    for module in (sys.modules[__name__], iaas_error, project_error, builtins):
        if hasattr(module, name):
            raise getattr(module, name)(*arguments)


def ask_provider():
    try:
        raise ConnectionError('the provider is away')
    except ConnectionError as error:
        raise iaas_error.IaasProviderActionError(error, traceback.format_exc()) from None


def stop_instances():
    """Those whose id ends in `broken` cannot be stopped."""
    ids = request.params['instances']
    broken = [RuntimeError(f'{one} does not stop') for one in ids if one.endswith('broken')]
    if broken:
        stopped = [one for one in ids if not one.endswith('broken')]
        raise iaas_error.ActionsPartialSuccessError(broken, stopped, request.params.get('jobId'))
    return {'instances': ids}


routes = {'Fail': fail, 'AskProvider': ask_provider, 'StopInstances': stop_instances}
