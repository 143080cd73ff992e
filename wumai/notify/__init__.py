"""Tells channels such as Slack and SMS about failed tries, outside the path of the jobs."""
