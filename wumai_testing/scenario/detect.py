"""Whether a file is a scenario, told without reading more of it than that takes."""

from pathlib import Path

import yaml

FOLDER = 'scenarios'
_LARGEST = 1 << 16
_DEEPEST = 100


def is_scenario_file(path: Path | str) -> bool:
    """Whether `path` is a .yaml file under a folder named `scenarios` whose mapping has the key
    `scenario`. Never raises: other people's YAML is none of our business.
    """
    path = Path(path)
    if path.suffix != '.yaml' or FOLDER not in path.absolute().parent.parts:
        return False
    try:
        with path.open('rb') as file:
            text = file.read(_LARGEST).decode('utf-8-sig', 'ignore')
    except OSError:
        return False
    return 'scenario' in text and _has_key(text)


def _has_key(text: str) -> bool:
    """Stops at the key, so that a file with a mistake after it is still ours to complain about."""
    try:
        return _names_a_scenario(text)
    except Exception:  # whatever a parser raises about a file that is not ours
        return False


def _is_other(event: object, depth: int) -> bool:
    """Whether the document ends here, or is a list."""
    ends = depth == 0 and isinstance(event, yaml.DocumentEndEvent)
    return ends or (depth == 1 and isinstance(event, yaml.SequenceStartEvent))


def _names_a_scenario(text: str) -> bool:
    depth, is_key = 0, True
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif depth == 1 and isinstance(event, yaml.NodeEvent):
            if is_key and getattr(event, 'value', None) == 'scenario':
                return True
            is_key = not is_key
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if depth > _DEEPEST or _is_other(event, depth):
            return False
    return False
