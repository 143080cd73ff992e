"""What an API handler raises about projects, their quotas and their access keys.

ActionError
├── AccessKeyExpired            4101
├── AccessKeyInvalid            4101
├── ResourceQuotaNotEnough      4113
├── ProjectDuplicated           4600
├── ManageAccessKeyInvalid      4601
├── ProjectNotFound             4604
├── AccessKeyDuplicated         4611
└── AccessKeyNotFound           4614
"""

from wumai.error import ActionError


class _AccessKeyError(ActionError):
    template: str

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or self.template.format(key), {'accessKey': key})
        self.key = key


class AccessKeyExpired(_AccessKeyError):
    """The access key was valid once."""

    code, http_status = 4101, 401
    template = 'access key {} has expired'


class AccessKeyInvalid(_AccessKeyError):
    """The access key is none of ours, or its secret is wrong."""

    code, http_status = 4101, 401
    template = 'access key {} is invalid'


class ManageAccessKeyInvalid(_AccessKeyError):
    """The access key is not one that may manage projects."""

    code, http_status = 4601, 401
    template = 'management access key {} is invalid'


class AccessKeyDuplicated(_AccessKeyError):
    """There is such an access key already."""

    code, http_status = 4611, 409
    template = 'access key {} exists already'


class AccessKeyNotFound(_AccessKeyError):
    """There is no such access key."""

    code, http_status = 4614, 404
    template = 'access key {} is not found'


class _ProjectError(ActionError):
    template: str

    def __init__(self, project_id: str, message: str | None = None) -> None:
        super().__init__(message or self.template.format(project_id), {'projectId': project_id})
        self.project_id = project_id


class ProjectDuplicated(_ProjectError):
    """There is such a project already."""

    code, http_status = 4600, 409
    template = 'project {} exists already'


class ProjectNotFound(_ProjectError):
    """There is no such project."""

    code, http_status = 4604, 404
    template = 'project {} is not found'


class ResourceQuotaNotEnough(ActionError):
    """The project wants more than its quota leaves."""

    code, http_status = 4113, 403

    def __init__(self, quota: int, used: int, want: int, message: str | None = None) -> None:
        super().__init__(
            message or f'quota {quota} is not enough: {used} in use, {want} wanted',
            {'quota': quota, 'used': used, 'want': want},
        )
        self.quota, self.used, self.want = quota, used, want
