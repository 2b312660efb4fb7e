"""The switch between releases."""

import pytest

from infra.provider.local.gateway import GatewayResource, State
from infra.provider.local.route import Inputs as RouteInputs
from infra.provider.local.route import RouteResource
from tests.support.environment import Environment
from tests.support.processes import again_and_again, wait_until
from tests.support.visits import HOSTS, accepted_release, get, route, said

GATEWAY, ROUTE = GatewayResource(), RouteResource()
pytestmark = pytest.mark.usefixtures("without_route")


@pytest.fixture(scope="module")
def new(home: Environment) -> dict[str, str]:
    return accepted_release(home, "new")


def test_the_switch_changes_every_process_at_once(
    home: Environment, gateway: State, old: dict[str, str], new: dict[str, str]
) -> None:
    state = route(home, old)
    assert state.current == old
    updated = ROUTE.update("route", state, RouteInputs(home.directory, "r1", new))
    assert updated.current == new
    assert [said(get(gateway, host))[1] for host in HOSTS] == ["new"] * 3


def test_no_request_fails_while_releases_are_switched_and_the_first_one_after_meets_the_other(
    home: Environment, gateway: State, old: dict[str, str], new: dict[str, str]
) -> None:
    route(home, old)
    seen: list[str] = []
    with again_and_again(lambda: seen.append(said(get(gateway))[1]), threads=3):
        for number in range(20):
            route(home, (new, old)[number % 2])
            assert said(get(gateway))[1] == ("new", "old")[number % 2]
            goal = len(seen) + 3
            wait_until(lambda goal=goal: len(seen) > goal, "visitors go on")  # type: ignore[misc]
    assert set(seen) == {"old", "new"}


def test_there_is_a_route_at_every_moment_of_a_switch(
    home: Environment, old: dict[str, str], new: dict[str, str]
) -> None:
    route(home, old)
    seen: set[str] = set()
    with again_and_again(lambda: seen.add(home.layout.current.readlink().name)):
        for number in range(30):
            route(home, (new, old)[number % 2])
    assert len(seen) > 1


def test_a_switch_leaves_nothing_of_the_one_before(home: Environment, old: dict[str, str], new: dict[str, str]) -> None:
    for generations in (old, new, old):
        route(home, generations)
    assert len(list(home.layout.services.glob(".routes-*"))) == 1
    assert {path.name for path in home.layout.directory.iterdir() if "draft" in path.name} == set()


def test_a_route_that_is_there_is_left_as_it_is(home: Environment, old: dict[str, str]) -> None:
    route(home, old)
    before = home.layout.current.readlink()
    route(home, old)
    assert home.layout.current.readlink() == before


def test_an_interrupted_switch_is_made_by_the_next(home: Environment, old: dict[str, str]) -> None:
    (home.layout.services / ".routes-left").mkdir()
    (home.layout.directory / "current.draft").symlink_to("nowhere")
    assert route(home, old).current == old
    assert len(list(home.layout.services.glob(".routes-*"))) == 1


def test_a_refresh_finds_another_route_or_none(home: Environment, old: dict[str, str], new: dict[str, str]) -> None:
    state = route(home, old)
    assert ROUTE.read("route", state) == state
    assert ROUTE.drift(state) == frozenset()
    route(home, new)
    found = ROUTE.read("route", state)
    assert found is not None
    assert found.current == new
    assert ROUTE.drift(found) == {"current"}
    ROUTE.delete("route", state)
    assert ROUTE.read("route", state) is None
    assert not list(home.layout.services.glob(".routes-*"))
    ROUTE.delete("route", state)
