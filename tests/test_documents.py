"""The documents: links lead somewhere, and code blocks are code."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from wumai import iaas_error, project_error

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/**/*.md'))]

_BLOCK = re.compile(r'^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^ *```$', re.M | re.S)
_LINK = re.compile(r'\[[^]]*\]\((?P<target>[^)\s]+)\)')
_HEADING = re.compile(r'^#+ +(.+?) *$', re.M)


def _is_shell(code: str) -> None:
    subprocess.run(['bash', '-n', '-c', code], check=True)


CHECKS: dict[str, Callable[[str], object]] = {
    'bash': _is_shell,
    'json': json.loads,
    'python': ast.parse,
    'sh': _is_shell,
    'toml': tomllib.loads,
    'yaml': yaml.safe_load,
}


def _blocks() -> Iterator[tuple[str, str, str]]:
    for path in DOCUMENTS:
        text = path.read_text(encoding='utf-8')
        for match in _BLOCK.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            code = re.sub(rf'^{match["indent"]}', '', match['code'], flags=re.M)
            yield f'{path.relative_to(ROOT)}:{line}', match['language'], code


def _links() -> Iterator[tuple[Path, str]]:
    for path in DOCUMENTS:
        prose = _BLOCK.sub('', path.read_text(encoding='utf-8'))
        for match in _LINK.finditer(prose):
            if '://' not in match['target'] and not match['target'].startswith('mailto:'):
                yield path, match['target']


def _anchors(path: Path) -> set[str]:
    """The names that GitHub gives to the headings."""
    prose = _BLOCK.sub('', path.read_text(encoding='utf-8'))
    texts = [heading.lower() for heading in _HEADING.findall(prose)]
    return {re.sub(r'[^\w\- ]', '', text).replace(' ', '-') for text in texts}


def test_the_readme_leads_to_every_document() -> None:
    """By a link of its own."""
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    linked = {match['target'] for match in _LINK.finditer(readme)}
    assert {path.relative_to(ROOT).as_posix() for path in DOCUMENTS} - linked == {'README.md'}


def test_the_table_of_errors_is_that_of_the_classes() -> None:
    """Each class of an error stands in the row of its code and HTTP status."""
    row = re.compile(r'^\| (\d{4}) \| (.+) \| (\d{3}) \|', re.M)
    shown = {
        (name, int(code), int(http_status))
        for code, raised, http_status in row.findall((ROOT / 'docs/api.md').read_text())
        for name in re.findall(r'`(\w+_error\.\w+)\(', raised)
    }
    assert shown == {
        (f'{module.__name__.removeprefix("wumai.")}.{name}', one.code, one.http_status)
        for module in (iaas_error, project_error)
        for name, one in vars(module).items()
        if getattr(one, '__module__', '') == module.__name__
        if name == one.__name__ and not name.startswith('_')
    }


@pytest.mark.parametrize(('place', 'language', 'code'), list(_blocks()))
def test_a_code_block_is_code(place: str, language: str, code: str) -> None:
    """Each block parses in the language that it names."""
    try:
        CHECKS.get(language, str)(code)
    except Exception as error:
        raise AssertionError(f'{place}: this block is no {language}: {error}') from error


@pytest.mark.parametrize(('path', 'target'), list(_links()))
def test_a_link_leads_somewhere(path: Path, target: str) -> None:
    """To a file of the project and, where it names one, to a heading in it."""
    name, _, anchor = target.partition('#')
    found = path.parent / name if name else path
    assert found.exists(), f'{path.name} links to {target}'
    if anchor and found.suffix == '.md':
        assert anchor in _anchors(found), f'{path.name} links to {target}'


SHOW_TABLES = """
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

for one in (mysql, postgresql, sqlite):
    print(CreateTable(Instance.__table__).compile(dialect=one.dialect()))
"""


def test_the_resource_of_the_api_page_is_a_table() -> None:
    """On each kind of database; in a process where nobody else has such a table."""
    (code,) = [code for place, _, code in _blocks() if 'class Instance(Resource)' in code]
    program = code.partition('\n\nwith ')[0] + SHOW_TABLES
    shown = subprocess.check_output([sys.executable, '-c', program], cwd=ROOT, text=True)
    assert shown.count('name VARCHAR(50)') == 3
