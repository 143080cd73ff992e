"""The format as JSON Schema, for editors: built from the grammar's own tables.

`python -m wumai_testing.scenario.schema` writes schema.json anew after a change of the grammar.
"""

import json
from pathlib import Path
from typing import Any

from wumai_testing.scenario.expected import DEFINITIONS
from wumai_testing.scenario.grammar import STEP
from wumai_testing.scenario.reader import FILE

SCHEMA_FILE = Path(__file__).with_name('schema.json')


def build() -> dict[str, Any]:
    """The schema of a scenario file."""
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'wumai scenario',
        'description': 'The behaviour of an app over time, run in virtual time by wumai_testing',
        **FILE.schema(),
        '$defs': {**DEFINITIONS, 'step': STEP.schema()},
    }


def as_text() -> str:
    """What schema.json holds."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + '\n'


if __name__ == '__main__':
    SCHEMA_FILE.write_text(as_text(), encoding='utf-8')
