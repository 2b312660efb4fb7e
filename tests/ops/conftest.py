"""What the tests of the commands share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.tiny import Tiny


@pytest.fixture
def data() -> Iterator[Path]:
    """A home for data with a short path, because it holds sockets."""
    folder = tempfile.mkdtemp(prefix="pb-", dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.fixture
def tiny(tmp_path: Path, data: Path) -> Tiny:
    """A tiny project with homes of its own, in which nothing has been up."""
    return Tiny.make(tmp_path / "project", data)


@pytest.fixture(scope="session")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("made")
    tiny = Tiny.make(folder / "project", folder)
    finished = tiny.pitchbar("up", "--yes")
    assert finished.stderr.startswith("error: Stack local has no output 'release'"), finished.stderr
    return tiny


@pytest.fixture
def made(_once: Tiny, tmp_path: Path, data: Path) -> Tiny:
    """The same after an `up` of stack `local`."""
    return _once.copy(tmp_path / "project", data)
