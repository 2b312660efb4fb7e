"""What live tests share: a world for each file, and in it whatever stacks its chapters make."""

from collections.abc import Iterator

import pytest

from tests.support.stack import World, new_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Homes, data and a copy of the app that only one file's tests use."""
    with new_world() as world:
        yield world
