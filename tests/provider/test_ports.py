"""Ports on loopback."""

import itertools
import socket
from pathlib import Path

import pytest

from infra.errors import UserError
from infra.provider.local import ports
from tests.support.environment import taken_port
from tests.support.services import free_port


def test_each_owner_has_an_order_of_its_own_that_stays() -> None:
    first = list(itertools.islice(ports.candidates("a"), 5))
    assert first == list(itertools.islice(ports.candidates("a"), 5))
    assert first != list(itertools.islice(ports.candidates("b"), 5))


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    some = [next(ports.candidates(str(number))) for number in range(500)]
    lowest_ephemeral = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])  # noqa: SIM115, PTH123
    assert min(some) >= 1024
    assert max(some) < lowest_ephemeral


def test_a_taken_port_is_passed_over() -> None:
    first = ports.find("taken port of the tests")
    with taken_port(first):
        assert ports.find("taken port of the tests") == first + 1
    assert ports.find("taken port of the tests") == first


def test_a_wished_port_that_only_root_may_have_is_refused_before_anything_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "ip_unprivileged_port_start"
    first.write_text("1024\n")
    monkeypatch.setattr(ports, "_FIRST_FOR_EVERYONE", first)
    with pytest.raises(UserError) as refusal:
        ports.settle("anyone", 80, 20000, runs=True)
    assert str(refusal.value) == (
        "Port 80 is one of those on which only root's processes may listen, and none here is one. "
        "Choose another, for example 8080, or let everyone listen on it: "
        "`sysctl net.ipv4.ip_unprivileged_port_start=80` as root."
    )


def test_a_wished_port_that_is_taken_is_refused() -> None:
    with taken_port() as port, pytest.raises(UserError) as refusal:
        ports.find("anyone", port)
    assert str(refusal.value) == (
        f"Port {port} of 127.0.0.1 is taken by another program. "
        f"Free it (`ss -ltnp 'sport = :{port}'` shows who has it) or choose another."
    )


def test_a_port_whose_last_connections_linger_is_free() -> None:
    port = free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()
    assert ports.is_free(port)
