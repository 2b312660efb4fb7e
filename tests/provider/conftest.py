"""What the tests of the provider share: environments that live as long as one file's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import Environment, Furnished, environment, furnished, short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short temporary folder that every user can pass through."""
    with short_folder() as path:
        yield path


@pytest.fixture(scope="module")
def home() -> Iterator[Environment]:
    """An environment with nothing but its supervisord, shared by the tests of one file."""
    with environment() as made:
        yield made


@pytest.fixture(scope="module")
def made() -> Iterator[Furnished]:
    """An environment with PostgreSQL, Redis and the bundled app's release, shared by the tests of one file."""
    with furnished() as whole:
        yield whole
