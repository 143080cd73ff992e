"""Scenario files: the behaviour of an app over time, as data."""

from wumai_testing.scenario.detect import is_scenario_file
from wumai_testing.scenario.errors import Problem, ScenarioError
from wumai_testing.scenario.model import Scenario, Step
from wumai_testing.scenario.reader import load, loads

__all__ = ['Problem', 'Scenario', 'ScenarioError', 'Step', 'is_scenario_file', 'load', 'loads']
