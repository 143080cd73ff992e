"""What wheel and sdist hold: what they should, and nothing else."""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    builder = pytest.importorskip('hatchling.builders.wheel').WheelBuilder(str(ROOT))
    (path,) = builder.build(directory=str(tmp_path_factory.mktemp('wheel')), versions=['standard'])
    return zipfile.ZipFile(path)


@pytest.fixture(scope='module')
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[PurePosixPath]:
    """The paths in it, without its top folder."""
    builder = pytest.importorskip('hatchling.builders.sdist').SdistBuilder(str(ROOT))
    (path,) = builder.build(directory=str(tmp_path_factory.mktemp('sdist')))
    with tarfile.open(path) as archive:
        return {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}


def sources(*folders: str) -> set[PurePosixPath]:
    """The files of ours below `folders`."""
    return {
        PurePosixPath(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_the_wheel_has_the_two_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Data files and the markers of types are among them."""
    names = {PurePosixPath(name) for name in wheel.namelist()}
    ours = {name for name in names if not name.parts[0].endswith('.dist-info')}
    assert ours == sources('wumai', 'wumai_testing')
    assert {PurePosixPath(f'{name}/py.typed') for name in ('wumai', 'wumai_testing')} <= ours


def test_the_wheel_has_its_licence_and_command(wheel: zipfile.ZipFile) -> None:
    """In its metadata."""
    names = {name.partition('.dist-info/')[2] for name in wheel.namelist()}
    assert 'licenses/LICENSE' in names
    (entries,) = [name for name in wheel.namelist() if name.endswith('entry_points.txt')]
    assert 'wumai = wumai.cli:main' in wheel.read(entries).decode()


def test_the_sdist_can_be_built_and_tested(sdist: set[PurePosixPath]) -> None:
    """Sources, tests and documents; none of what a checkout gathers."""
    expected = sources('wumai', 'wumai_testing', 'tests')
    files = {'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'pyproject.toml', 'tox.ini'}
    assert expected | {PurePosixPath(name) for name in files} <= sdist
    allowed = {'wumai', 'wumai_testing', 'tests', 'scenarios', 'docs', 'PKG-INFO', '.gitignore'}
    assert {path.parts[0] for path in sdist} <= allowed | files
