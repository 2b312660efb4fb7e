"""Redis: made, adopted, locked, durable, changed, healed, removed."""

import hashlib
import pwd
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UserError
from infra.provider.local import ports
from infra.provider.local.redis import Inputs, RedisResource, State
from tests.support.environment import REDIS_PASSWORD, Environment, owner_name, taken_port
from tests.support.processes import PATIENCE, concerning, files_with, kill, runs, wait_until, watched_command_lines

RESOURCE = RedisResource()


def inputs(home: Environment, **changes: Any) -> Inputs:
    return Inputs(**{"directory": home.directory, "password": REDIS_PASSWORD, **changes})


@pytest.fixture
def server(home: Environment) -> Iterator[State]:
    """A server that the test may change: the next test gets it as it was, or a new one."""
    yield RESOURCE.create(inputs(home))[1]


def ask(state: State, *commands: str, password: str | None = REDIS_PASSWORD) -> str:
    """The raw answer to the last command, after signing in (unless there is no password)."""
    lines = [f"AUTH default {password}"] if password is not None else []
    with socket.create_connection(("127.0.0.1", state.bound_port), timeout=PATIENCE) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, *commands, "QUIT")).encode())
        answer = b""
        while part := connection.recv(4096):
            answer += part
    text = answer.decode().removesuffix("+OK\r\n")
    return text.removeprefix("+OK\r\n").strip().replace("\r\n", " ")


def test_nobody_does_anything_without_a_password(server: State) -> None:
    assert ask(server, "GET x", password=None) == "-NOAUTH Authentication required."


def test_a_wrong_password_is_refused(server: State) -> None:
    answer = ask(server, password="wrong")
    assert answer == "-WRONGPASS invalid username-password pair or user is disabled."


def test_the_password_opens_it(server: State) -> None:
    assert ask(server, "SET x 1", "GET x") == "+OK $1 1"


def test_it_listens_on_loopback_only(server: State) -> None:
    assert ask(server, "CONFIG GET bind").endswith("127.0.0.1")


def test_it_appends_every_write_to_a_file_and_never_evicts(server: State) -> None:
    assert ask(server, "CONFIG GET appendonly").endswith("yes")
    assert ask(server, "CONFIG GET maxmemory-policy").endswith("noeviction")
    version = re.search(r"redis_version:(\d+)\.", ask(server, "INFO server"))
    assert version and int(version[1]) >= 7, "Debian 13 has 8"


def test_its_data_survives_a_kill_and_it_is_back(server: State, home: Environment) -> None:
    killed = home.pid("redis")
    assert ask(server, "SET kept yes") == "+OK"
    kill(killed)

    def is_back() -> bool:
        try:
            return ask(server, "GET kept").endswith("yes")
        except OSError:
            return False

    wait_until(is_back, "Redis answers again, with its data")
    assert home.pid("redis") != killed


def test_its_files_are_for_its_user_only(server: State, home: Environment) -> None:
    folder, config = home.layout.redis.stat(), (home.layout.redis / "redis.conf").stat()
    assert [stat.S_IMODE(folder.st_mode), stat.S_IMODE(config.st_mode)] == [0o700, 0o600]
    assert [pwd.getpwuid(found.st_uid).pw_name for found in (folder, config)] == [owner_name()] * 2


def test_it_does_not_run_as_root(server: State, home: Environment) -> None:
    assert Path(f"/proc/{home.pid('redis')}").owner() == owner_name()


def test_the_password_is_in_no_command_line_and_in_clear_in_no_file(home: Environment) -> None:
    secret = "watched-" + "s3cret" * 4
    with watched_command_lines() as seen:
        _, state = RESOURCE.create(inputs(home, password=secret))
    assert [line for line in seen if secret in line] == []
    assert files_with(home.layout.directory, secret) == []
    assert files_with(home.layout.directory, hashlib.sha256(secret.encode()).hexdigest()) == ["redis/redis.conf"]
    assert secret not in repr(state)


def test_a_refresh_finds_it_as_it_is(server: State) -> None:
    assert RESOURCE.read("redis", server) == server


def test_a_refresh_with_another_password_finds_it_wanting(server: State) -> None:
    found = RESOURCE.read("redis", State(**{**vars(server), "password": "another"}))
    assert found is not None
    assert found.running is False


def test_a_second_create_adopts_data_and_port(server: State, home: Environment) -> None:
    ask(server, "SET adopted yes")
    assert RESOURCE.create(inputs(home))[1] == server
    assert RESOURCE.create(inputs(home, port=server.bound_port))[1].bound_port == server.bound_port
    assert ask(server, "GET adopted") == "$3 yes"


def test_a_changed_password_and_memory_are_in_force_and_data_and_port_kept(server: State, home: Environment) -> None:
    ask(server, "SET changed yes")
    changed = RESOURCE.update("redis", server, inputs(home, password="an0ther", maxmemory=64 * 1024 * 1024))
    assert changed.bound_port == server.bound_port
    assert ask(changed, "CONFIG GET maxmemory", password="an0ther").endswith(str(64 * 1024 * 1024))
    assert ask(changed, "GET changed", password="an0ther") == "$3 yes"
    assert ask(changed, password=REDIS_PASSWORD).startswith("-WRONGPASS")


def test_a_password_may_hold_any_character(server: State, home: Environment) -> None:
    changed = RESOURCE.update("redis", server, inputs(home, password="ü \" ' \\ #>~*&%"))
    assert RESOURCE.read("redis", changed) == changed


def test_a_stopped_server_is_found_and_healed_on_its_port(server: State, home: Environment) -> None:
    home.supervisor.remove("redis")
    found = RESOURCE.read("redis", server)
    assert found is not None
    assert RESOURCE.drift(found) == {"running"}
    assert RESOURCE.update("redis", found, inputs(home)) == server


def test_its_port_is_kept_by_a_create_after_a_stop(server: State, home: Environment) -> None:
    home.supervisor.remove("redis")
    assert RESOURCE.create(inputs(home))[1].bound_port == server.bound_port


def test_a_port_that_was_taken_meanwhile_is_left_to_its_taker(server: State, home: Environment) -> None:
    home.supervisor.remove("redis")
    with taken_port(server.bound_port):
        assert RESOURCE.create(inputs(home))[1].bound_port != server.bound_port


def test_a_wished_port_that_is_taken_is_refused_in_words(server: State, home: Environment) -> None:
    with taken_port() as port:
        sentence = (
            f"Port {port} of 127.0.0.1 is taken by another program. "
            f"Free it (`ss -ltnp 'sport = :{port}'` shows who has it) or choose another."
        )
        with pytest.raises(UserError) as refused:
            RESOURCE.create(inputs(home, port=port))
        assert str(refused.value) == sentence
        with pytest.raises(UserError) as refused_update:
            RESOURCE.update("redis", server, inputs(home, port=port))
        assert str(refused_update.value) == sentence
    assert RESOURCE.read("redis", server) == server, "the refused update leaves the server as it was"


def test_a_server_that_cannot_start_says_why(server: State, home: Environment) -> None:
    log = home.layout.redis / "appendonlydir" / "appendonly.aof.manifest"
    original = log.read_text()
    home.supervisor.remove("redis")
    log.write_text("nonsense\n")
    with pytest.raises(UserError) as failure:
        RESOURCE.create(inputs(home))
    first, *lines = str(failure.value).splitlines()
    assert first == f"Redis didn't start on port {server.bound_port}. Its last log lines:"
    assert any("Invalid AOF manifest file format" in line for line in lines)
    assert home.supervisor.processes("redis") == ()
    log.write_text(original)


def test_delete_leaves_no_process_no_file_and_no_port(home: Environment) -> None:
    _, state = RESOURCE.create(inputs(home))
    pid = home.pid("redis")
    RESOURCE.delete("redis", state)
    RESOURCE.delete("redis", state)
    assert not runs(pid)
    assert not any("redis" in line for line in concerning(home.layout.directory).values())
    assert not home.layout.redis.exists()
    assert ports.is_free(state.bound_port)
    assert RESOURCE.read("redis", state) is None
