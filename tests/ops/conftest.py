"""What the tests of the commands share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.tiny import Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    """A tiny project with homes of its own; that of the data has a short path, because it holds sockets."""
    data = tempfile.mkdtemp(prefix="pb-", dir="/tmp")
    yield Tiny.make(tmp_path / "project", Path(data))
    shutil.rmtree(data)
