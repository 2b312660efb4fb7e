"""What the tests of the model share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.load import CLOUD_FILE, load

Refused = Callable[[str | bytes], list[str]]


@pytest.fixture(scope="session")
def reference() -> str:
    """The text of infra/cloud.yaml."""
    return CLOUD_FILE.read_text(encoding="utf-8")


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Load a text that must be refused, and give its problems as `LINE: sentence`."""

    def problems(text: str | bytes) -> list[str]:
        path = tmp_path / "cloud.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError) as caught:
            load(path)
        return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]

    return problems
