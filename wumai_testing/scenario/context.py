"""What is known while a file is read from top to bottom, and where problems go."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from wumai_testing.scenario.values import IS_NAME
from wumai_testing.scenario.yaml_source import Mapping, Node, Scalar, Sequence, Source


@dataclass(frozen=True, slots=True)
class Declared:
    """A name that steps from here on may use."""

    line: int
    is_alias: bool
    """Of a job; else it was saved from a reply."""


class Context:
    """The names declared and the workers made by the steps read until now."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.names: dict[str, Declared] = {}
        self.workers: dict[str, str] = {}
        """What became of each worker: empty while it runs."""
        self.make_workers(1)

    def make_workers(self, count: int) -> None:
        """Those that run from the start."""
        self.workers = {f'w{number}': '' for number in range(1, count + 1)}

    def report(self, node: Node, message: str) -> None:
        """Note a problem, once for a node that was refused before."""
        if not (isinstance(node, Scalar) and node.refused):
            self._source.report(node.line, node.column, message)

    def wrong(self, node: Node, key: str, wanted: str, advice: str = '') -> None:
        """Note that the value of `key` is of another kind than is wanted."""
        found = describe(node)
        advice = f': {advice}' if advice else ''
        self.report(node, f'`{key}` wants {wanted}; found {found}{advice}')

    def declare(self, name: Node, is_alias: bool) -> None:
        """Let later steps use a name; twice is a problem."""
        text = name.text if isinstance(name, Scalar) and IS_NAME.fullmatch(name.text) else ''
        if text in self.names:
            first = self.names[text].line
            self.report(name, f'the name `{text}` is taken: line {first} declares it')
        elif text:
            self.names[text] = Declared(name.line, is_alias)

    def check_name(self, node: Node, name: str) -> None:
        """Note where `$name` is not known yet."""
        if name not in self.names:
            known = [f'${one}' for one in self.names]
            hint = nearest(f'${name}', known, 'names until here')
            self.report(node, f'no step before this one declares `${name}`{hint}')

    def check_alias(self, node: Node, name: str) -> None:
        """Note where a job is not declared yet."""
        declared = self.names.get(name)
        if declared is None:
            aliases = [one for one, known in self.names.items() if known.is_alias]
            hint = nearest(name, aliases, 'jobs until here')
            self.report(node, f'no step before this one declares the job `{name}`{hint}')
        elif not declared.is_alias:
            self.report(
                node, f'`{name}` is no alias of a job step; write `${name}` for what it saved'
            )


def describe(node: Node) -> str:
    """What was found, for a message."""
    if isinstance(node, Mapping):
        return 'a mapping' if node.entries else 'an empty mapping'
    if isinstance(node, Sequence):
        return 'a list' if node.items else 'an empty list'
    if node.value is None:
        return 'nothing' if not node.text else 'null'
    if isinstance(node.value, bool):
        return node.text
    if isinstance(node.value, str):
        return f'the text "{_short(node.value)}"'
    return f'the number {_short(node.text)}'


def _short(text: str) -> str:
    text = text.replace('\n', ' ')
    return text if len(text) <= 40 else f'{text[:37]}...'


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """The end of a message about an unknown name: the one that was meant, or all there are."""
    spellings = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), spellings, n=1)
    if close:
        return f'; did you mean `{spellings[close[0]]}`?'
    listed = ', '.join(spellings.values())
    return f'; {what}: {listed or "none"}'
