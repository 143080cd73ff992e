"""What is wrong with a scenario file, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import east_asian_width


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. Line and column count from 1."""

    path: str
    line: int
    column: int
    message: str
    source: str = ''
    """The line of the file."""

    def __str__(self) -> str:
        where = f'{self.path}:{self.line}:{self.column}: {self.message}'
        if not self.source.strip():
            return where
        return f'{where}\n    {self.source}\n    {self._indent()}^'

    def _indent(self) -> str:
        before = self.source[: self.column - 1].ljust(self.column - 1)
        return ''.join('\t' if char == '\t' else ' ' * _width(char) for char in before)


def _width(char: str) -> int:
    return 2 if east_asian_width(char) in 'WF' else 1


class ScenarioError(ValueError):
    """A file that is no scenario; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.line, one.column)))
        super().__init__('\n'.join(str(problem) for problem in self.problems))
