"""What an API handler raises about resources and their provider.

ActionError
├── InvalidRequestParameter         4100
├── ResourceNotBelongsToProject     4103
├── ResourceNotFound                4104
├── ResourceActionForbiden          4105   also named ResourceActionForbidden
├── ResourceIsBusy                  4105
├── ResourceActionUnsupported       4106
├── IaasProviderActionError         5001
└── ActionsPartialSuccessError      5002, or 5001 where nothing succeeded
"""

from collections.abc import Sequence
from typing import Any

from wumai.error import ActionError, describe


class InvalidRequestParameter(ActionError):
    """A parameter is missing or wrong; the message says which."""

    code, http_status = 4100, 400

    def __init__(self, message: str) -> None:
        super().__init__(message)


class _ResourceError(ActionError):
    template: str

    def __init__(self, resource_id: str, message: str | None = None) -> None:
        super().__init__(message or self.template.format(resource_id), {'resourceId': resource_id})
        self.resource_id = resource_id


class ResourceNotBelongsToProject(_ResourceError):
    """The resource is another project's."""

    code, http_status = 4103, 403
    template = 'resource {} does not belong to the project'


class ResourceNotFound(_ResourceError):
    """There is no such resource."""

    code, http_status = 4104, 404
    template = 'resource {} is not found'


class ResourceActionForbiden(_ResourceError):
    """The resource may not be acted on like this now. The spelling is the users'."""

    code, http_status = 4105, 409
    template = 'the action on resource {} is forbidden'


ResourceActionForbidden = ResourceActionForbiden


class ResourceIsBusy(_ResourceError):
    """Another action on the resource is under way."""

    code, http_status = 4105, 409
    template = 'resource {} is busy'


class ResourceActionUnsupported(_ResourceError):
    """Resources of this kind know no such action."""

    code, http_status = 4106, 400
    template = 'the action on resource {} is not supported'


class IaasProviderActionError(ActionError):
    """The provider failed; `stacktrace` (text) goes to the log, and to the client with debug."""

    code, http_status = 5001, 502

    def __init__(
        self, exception: BaseException, stacktrace: str, message: str | None = None
    ) -> None:
        super().__init__(message or f'the provider failed: {describe(exception)}')
        self.exception = exception
        self.stacktrace = stacktrace


class ActionsPartialSuccessError(ActionError):
    """Of several actions some failed. Those that did not are shown by results, or by a job."""

    code, http_status = 5002, 502

    def __init__(
        self,
        exceptions: Sequence[BaseException],
        results: Sequence[Any] = (),
        job_id: str | None = None,
    ) -> None:
        self.exceptions, self.results, self.job_id = list(exceptions), list(results), job_id
        data: dict[str, Any] = {}
        if self.results:
            data['results'] = self.results
        if job_id is not None:
            data['jobId'] = job_id
        if not data:
            self.code = IaasProviderActionError.code
        super().__init__(self._default_message(), data)

    def _default_message(self) -> str:
        share = 'some' if self.code == type(self).code else 'all'
        causes = '; '.join(map(describe, self.exceptions)) or 'no cause given'
        return f'{share} of the actions failed: {causes}'
