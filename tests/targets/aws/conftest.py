"""The program on AWS for each kind of stack, evaluated once in a test process."""

import pytest

from tests.support.aws.program import STACKS, program
from tests.support.engine import Recording


@pytest.fixture(scope="session", params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """Each stack in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def whole(stack: str) -> Recording:
    """All that the program declares for it."""
    return program(stack)
