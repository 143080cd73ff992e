"""The same chaos for other job queues, to compare: `python -m tests.chaos.peers celery rq wumai`.

Wants `pip install --group peers` and redis-server; it is no part of the tests.
"""
