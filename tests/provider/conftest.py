"""What the tests of the provider share: environments that live as long as one file's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.provider.local.gateway import GatewayResource, State
from infra.provider.local.route import RouteResource
from tests.support.environment import Environment, Furnished, environment, furnished, short_folder
from tests.support.visits import accepted_release, gateway_inputs, route


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


@pytest.fixture
def gateway(home: Environment) -> Iterator[State]:
    """A gateway in front of the environment."""
    yield GatewayResource().create(gateway_inputs(home))[1]
    GatewayResource().delete("gateway", State(**vars(gateway_inputs(home))))


@pytest.fixture(scope="module")
def old(home: Environment) -> dict[str, str]:
    """The generations of a release that visitors can be led to."""
    return accepted_release(home, "old")


@pytest.fixture
def without_route(home: Environment) -> Iterator[None]:
    """Each test begins without a route."""
    yield
    RouteResource().delete("route", route(home, {}))
