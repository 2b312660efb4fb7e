"""The switch between releases."""

import threading
from collections.abc import Iterator

import pytest

from infra.errors import UserError
from infra.provider.local.gateway import GatewayResource, State
from infra.provider.local.route import Inputs as RouteInputs
from infra.provider.local.route import RouteResource
from tests.support.environment import Environment
from tests.support.processes import wait_until
from tests.support.visits import HOSTS, accepted_release, gateway_inputs, get, route, said

GATEWAY, ROUTE = GatewayResource(), RouteResource()


@pytest.fixture
def gateway(home: Environment) -> Iterator[State]:
    yield GATEWAY.create(gateway_inputs(home))[1]
    GATEWAY.delete("gateway", State(**vars(gateway_inputs(home))))


@pytest.fixture(scope="module")
def old(home: Environment) -> dict[str, str]:
    return accepted_release(home, "old")


@pytest.fixture(scope="module")
def new(home: Environment) -> dict[str, str]:
    return accepted_release(home, "new")


@pytest.fixture(autouse=True)
def without_route(home: Environment) -> Iterator[None]:
    yield
    RouteResource().delete("route", route(home, {}))


def test_the_switch_changes_every_process_at_once(
    home: Environment, gateway: State, old: dict[str, str], new: dict[str, str]
) -> None:
    state = route(home, old)
    assert state.current == old
    updated = ROUTE.update("route", state, RouteInputs(home.directory, "r1", new))
    assert updated.current == new
    assert [said(get(gateway, host))[1] for host in HOSTS] == ["new"] * 3


def test_no_request_fails_and_none_goes_back_while_releases_are_switched(
    home: Environment, gateway: State, old: dict[str, str], new: dict[str, str]
) -> None:
    route(home, old)
    seen: list[str] = []
    failures: list[str] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            try:
                answer = get(gateway)
                seen.append(said(answer)[1] if answer.status == 200 else f"status {answer.status}")
            except UserError as error:
                failures.append(str(error))

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    for number in range(20):
        generations = (new, old)[number % 2]
        route(home, generations)
        assert said(get(gateway))[1] == ("new", "old")[number % 2], (
            "the first request after a switch meets the other release"
        )
        count = len(seen)
        wait_until(lambda count=count: len(seen) > count + 3, "visitors go on")  # type: ignore[misc]
    done.set()
    for visitor in visitors:
        visitor.join()
    assert failures == []
    assert set(seen) == {"old", "new"}


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
