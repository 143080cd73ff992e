"""What an app works with: its jobs, the journal of its actions, and a base for its resources."""

from wumai.model.job import Job, NewJob
from wumai.model.operation import Operation, journalled
from wumai.model.resource import Resource

__all__ = ['Job', 'NewJob', 'Operation', 'Resource', 'journalled']
