"""The apps of the scenarios: handlers that behave as their params say."""
