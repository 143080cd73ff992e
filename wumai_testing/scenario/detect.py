"""Whether a file is a scenario, told without reading more of it than that takes."""

from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

import yaml

FOLDER = 'scenarios'
_KEY = 'scenario'
_LIKENESS = 0.8
_LARGEST = 1 << 16
_DEEPEST = 100


def is_scenario_file(path: Path | str) -> bool:
    """Whether `path` is a .yaml file under a folder named `scenarios` whose mapping has the key
    `scenario`, or a misspelt one and `steps`. Never raises: other people's YAML is none of our
    business.
    """
    path = Path(path)
    if path.suffix != '.yaml' or FOLDER not in path.absolute().parent.parts:
        return False
    try:
        with path.open('rb') as file:
            text = file.read(_LARGEST).decode('utf-8-sig', 'ignore')
    except OSError:
        return False
    return (_KEY in text or 'steps' in text) and _is_ours(text)


def _is_ours(text: str) -> bool:
    """Stops at the key, so that a file with a mistake after it is still ours to complain about."""
    others = []
    for key in _keys(text):
        if key == _KEY:
            return True
        others.append(key)
    # The plural is the key of other people's files, such as those of load tests.
    misspelt = [key for key in others if key != FOLDER]
    return 'steps' in others and bool(get_close_matches(_KEY, misspelt, cutoff=_LIKENESS))


def _keys(text: str) -> Iterator[str]:
    """Those of the mapping, until it ends or a parser raises whatever it likes about it."""
    depth, is_key = 0, True
    with suppress(Exception):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif depth == 1 and isinstance(event, yaml.NodeEvent):
                if is_key and isinstance(event, yaml.ScalarEvent):
                    yield event.value
                is_key = not is_key
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            if depth > _DEEPEST or _is_other(event, depth):
                return


def _is_other(event: object, depth: int) -> bool:
    """Whether the document ends here, or is a list."""
    ends = depth == 0 and isinstance(event, yaml.DocumentEndEvent)
    return ends or (depth == 1 and isinstance(event, yaml.SequenceStartEvent))
