"""The gateway's hosts, its TLS and its port."""

import json
import pwd
import ssl
import stat
from pathlib import Path

import pytest

from infra.endpoints import CheckFailed
from infra.errors import UserError
from infra.provider.local import ports
from infra.provider.local.gateway import GatewayResource, State
from tests.support.environment import Environment, owner_name, taken_port
from tests.support.processes import concerning, kill, runs, wait_until
from tests.support.visits import accepted_service, gateway_inputs, get, route, said

GATEWAY = GatewayResource()
pytestmark = pytest.mark.usefixtures("without_route")


def test_each_host_leads_to_its_process(home: Environment, gateway: State, old: dict[str, str]) -> None:
    route(home, old)
    assert said(get(gateway, "app.localhost")) == ("app", "old")
    assert said(get(gateway, "cdn.localhost", "/widget/widget.js")) == ("app", "old")
    assert said(get(gateway, "realtime.localhost")) == ("realtime", "old")


def test_an_unknown_host_is_told_so(gateway: State) -> None:
    answer = get(gateway, "stranger.localhost")
    assert (answer.status, answer.body) == (404, b"Pitchbar has no such host here.\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_without_a_route_visitors_are_asked_to_come_back(gateway: State) -> None:
    answer = get(gateway)
    assert (answer.status, answer.body) == (503, b"Pitchbar can't answer just now. Please try again in a moment.\n")


def test_it_listens_on_loopback_only(home: Environment, gateway: State) -> None:
    document = json.loads((home.layout.gateway / "caddy.json").read_text())
    assert document["apps"]["http"]["servers"]["pitchbar"]["listen"] == [f"127.0.0.1:{gateway.bound_port}"]
    assert document["admin"]["listen"].startswith(f"unix/{home.layout.gateway}/")


def test_its_folder_is_for_its_user_and_it_does_not_run_as_root(home: Environment, gateway: State) -> None:
    folder = home.layout.gateway.stat()
    assert (stat.S_IMODE(folder.st_mode), pwd.getpwuid(folder.st_uid).pw_name) == (0o700, owner_name())
    assert Path(f"/proc/{home.pid('gateway')}").owner() == owner_name()


def test_requests_are_spread_over_the_replicas_after_a_reload(
    home: Environment, gateway: State, old: dict[str, str]
) -> None:
    route(home, old)
    assert len({json.loads(get(gateway).body)["pid"] for _ in range(10)}) == 1
    pid = home.pid("gateway")
    changed = GATEWAY.update("gateway", gateway, gateway_inputs(home, replicas={"app": 2, "realtime": 2}))
    assert (home.pid("gateway"), changed.bound_port) == (pid, gateway.bound_port)
    assert len({json.loads(get(changed).body)["pid"] for _ in range(40)}) == 2


def test_a_changed_host_is_in_force_after_a_reload(home: Environment, gateway: State, old: dict[str, str]) -> None:
    route(home, old)
    pid = home.pid("gateway")
    changed = GATEWAY.update("gateway", gateway, gateway_inputs(home, hosts={"shop.localhost": "app"}))
    assert said(get(changed, "shop.localhost")) == ("app", "old")
    assert get(changed, "app.localhost").status == 404
    assert home.pid("gateway") == pid


def test_tls_is_vouched_for_by_its_own_authority_and_nobody_else(home: Environment, old: dict[str, str]) -> None:
    route(home, old)
    _, state = GATEWAY.create(gateway_inputs(home, tls=True))
    authority = Path(state.ca_certificate).read_text()
    assert said(get(state, "app.localhost", ca=authority)) == ("app", "old")
    assert said(get(state, "realtime.localhost", ca=authority)) == ("realtime", "old")
    with pytest.raises(CheckFailed, match="its certificate is not trusted"):
        get(state, "app.localhost")
    with pytest.raises(CheckFailed):
        get(state, "stranger.localhost", ca=authority)
    assert "BEGIN CERTIFICATE" in ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(authority))
    GATEWAY.delete("gateway", state)


def test_tls_can_be_turned_on_later(home: Environment, gateway: State, old: dict[str, str]) -> None:
    route(home, old)
    assert gateway.ca_certificate == ""
    changed = GATEWAY.update("gateway", gateway, gateway_inputs(home, tls=True))
    assert said(get(changed, ca=Path(changed.ca_certificate).read_text())) == ("app", "old")


def test_its_port_is_kept_by_a_create_after_a_stop(home: Environment, gateway: State) -> None:
    home.supervisor.remove("gateway")
    assert GATEWAY.create(gateway_inputs(home))[1].bound_port == gateway.bound_port


def test_a_second_create_adopts_it_with_a_wish_too(home: Environment, gateway: State) -> None:
    assert GATEWAY.create(gateway_inputs(home))[1] == gateway
    assert GATEWAY.create(gateway_inputs(home, port=gateway.bound_port))[1].bound_port == gateway.bound_port


def test_a_wished_port_that_is_taken_is_refused_in_words(home: Environment, gateway: State) -> None:
    with taken_port() as port, pytest.raises(UserError) as refused:
        GATEWAY.update("gateway", gateway, gateway_inputs(home, port=port))
    assert str(refused.value) == (
        f"Port {port} of 127.0.0.1 is taken by another program. "
        f"Free it (`ss -ltnp 'sport = :{port}'` shows who has it) or choose another."
    )
    assert get(gateway, "stranger.localhost").status == 404


def test_a_wished_port_is_used(home: Environment, gateway: State) -> None:
    wish = ports.find("the wish of a gateway")
    assert GATEWAY.update("gateway", gateway, gateway_inputs(home, port=wish)).bound_port == wish


def test_a_port_that_was_taken_meanwhile_is_left_to_its_taker(home: Environment, gateway: State) -> None:
    home.supervisor.remove("gateway")
    with taken_port(gateway.bound_port):
        healed = GATEWAY.update("gateway", gateway, gateway_inputs(home))
        assert healed.bound_port != gateway.bound_port
        assert get(healed, "stranger.localhost").status == 404


def test_a_killed_gateway_is_back(home: Environment, gateway: State) -> None:
    killed = home.pid("gateway")
    kill(killed)

    def is_back() -> bool:
        try:
            return get(gateway, "stranger.localhost").status == 404
        except UserError:
            return False

    wait_until(is_back, "the gateway answers again")
    assert home.pid("gateway") != killed


def test_a_stopped_gateway_is_found_and_healed_on_its_port(home: Environment, gateway: State) -> None:
    assert GATEWAY.read("gateway", gateway) == gateway
    home.supervisor.remove("gateway")
    found = GATEWAY.read("gateway", gateway)
    assert found is not None
    assert GATEWAY.drift(found) == {"running"}
    assert GATEWAY.update("gateway", found, gateway_inputs(home)) == gateway
    assert get(gateway, "stranger.localhost").status == 404


def test_a_process_that_is_started_again_is_waited_for(home: Environment, gateway: State) -> None:
    alone = {"app": accepted_service(home, "app", "alone")}
    route(home, alone)
    kill(home.pid(alone["app"]))
    assert said(get(gateway)) == ("app", "alone")


def test_delete_leaves_no_process_no_file_and_no_port(home: Environment) -> None:
    _, state = GATEWAY.create(gateway_inputs(home))
    pid = home.pid("gateway")
    GATEWAY.delete("gateway", state)
    GATEWAY.delete("gateway", state)
    assert not runs(pid)
    assert not any("caddy" in line for line in concerning(home.layout.directory).values())
    assert not home.layout.gateway.exists()
    assert ports.is_free(state.bound_port)
    assert GATEWAY.read("gateway", state) is None
