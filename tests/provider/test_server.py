"""The plugin as a process: its answers over gRPC, and that it never outlives who needs it."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from infra.provider.local.postgres import Inputs, PostgresResource
from tests.support.environment import DATABASE_PASSWORD, Environment
from tests.support.plugin import EXECUTABLE, SECRET, Plugin, plugin, plugin_of_another_engine
from tests.support.processes import PATIENCE, children, command_line, concerning, kill, runs, wait_until

MIGRATION = "pitchbar:local:Migration"
POSTGRES = "pitchbar:local:Postgres"


@pytest.fixture(scope="module")
def shared() -> Iterator[Plugin]:
    """One plugin for the tests that don't end it."""
    with plugin() as running:
        yield running


def refusal(error: grpc.RpcError) -> tuple[str, str]:
    return error.code().name, error.details()


def migration(path: Path, *command: str) -> dict[str, Any]:
    return {
        "directory": str(path),
        "release": "r1",
        "path": str(path),
        "command": [*command],
        "timeout": 60,
        "environment": {},
    }


def command_of(running: Plugin) -> int:
    """The one-off command that the plugin waits for, once it is itself."""

    def found() -> list[int]:
        return [child for child in children(running.pid) if command_line(child) == "sleep 300"]

    wait_until(found, "the command runs")
    return found()[0]


def postgres(home: Environment) -> dict[str, Any]:
    password = {**SECRET, "value": DATABASE_PASSWORD}
    return {"directory": home.directory, "database": "pitchbar", "username": "pitchbar", "password": password}


def test_a_check_failure_arrives_on_its_property(shared: Plugin) -> None:
    reasons = shared.check("pitchbar:index:Secret", {"kind": "sword", "version": "2"})
    assert reasons == {"version": "must be a whole number, not a string"}
    assert shared.check("pitchbar:index:Secret", {"kind": "sword"}) == {
        "kind": "is 'sword'; it must be one of token, password, key"
    }


def test_generated_secrets_arrive_as_secrets(shared: Plugin) -> None:
    _, made = shared.create("pitchbar:index:Secret", {"kind": "token"})
    assert made["value"].items() >= SECRET.items()
    assert len(made["value"]["value"]) == 64
    assert made["previous"] == {**SECRET, "value": ""}


def test_a_preview_of_a_create_gives_only_what_is_known(shared: Plugin) -> None:
    assert shared.create("pitchbar:index:Secret", {"kind": "token"}, preview=True) == ("", {"kind": "token"})


def test_an_error_for_people_arrives_as_its_sentence_and_nothing_else(shared: Plugin, folder: Path) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        shared.create(MIGRATION, migration(folder, "sh", "-c", "echo one; echo two; exit 3"))
    assert refusal(failure.value) == (
        "FAILED_PRECONDITION",
        "The migration of release r1 failed with exit code 3. Its last lines:\n    one\n    two",
    )


def test_what_the_system_refuses_arrives_as_a_sentence(shared: Plugin, folder: Path) -> None:
    (folder / "taken").touch()
    with pytest.raises(grpc.RpcError) as failure:
        shared.create("pitchbar:local:Supervisor", {"directory": str(folder / "taken")})
    assert refusal(failure.value) == (
        "FAILED_PRECONDITION",
        f"{folder}/taken: File exists. Move away what is there in the place of a file or a folder, then repeat the "
        f"command. To see what is there, type: ls -la {folder}",
    )


def test_an_unknown_type_arrives_as_a_sentence(shared: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        shared.check("pitchbar:local:Nothing", {})
    code, details = refusal(failure.value)
    assert code == "FAILED_PRECONDITION"
    assert details.startswith("The pitchbar plugin has no resource type pitchbar:local:Nothing; it has pitchbar:aws:")


def test_a_defect_arrives_with_its_traceback(shared: Plugin, folder: Path) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        shared.create(MIGRATION, migration(folder / "missing", "true"))
    code, details = refusal(failure.value)
    assert code == "UNKNOWN"
    assert "No such file or directory" in details
    assert 'infra/provider/local/migration.py", line' in details


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_it_makes_has_its_modes_whatever_the_users_umask(umask: int, folder: Path) -> None:
    before = os.umask(umask)
    try:
        with plugin() as own:
            id, made = own.create("pitchbar:local:Supervisor", {"directory": str(folder / "e")})
            made_of = {name: (folder / "e" / name).stat().st_mode for name in ("supervisord.conf", "releases")}
            own.delete("pitchbar:local:Supervisor", id, made)
    finally:
        os.umask(before)
    shut = 0o777 if os.geteuid() == 0 or umask == 0 else 0o700
    assert {name: stat.S_IMODE(mode) for name, mode in made_of.items()} == {
        "supervisord.conf": 0o644 & shut,
        "releases": 0o755 & shut,
    }


def test_it_listens_on_loopback_only(shared: Plugin) -> None:
    addresses = {
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{shared.pid}/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{shared.port:04X}")
    }
    mapped = "0000000000000000FFFF0000"
    assert {address.removeprefix(mapped) for address in addresses} == {f"0100007F:{shared.port:04X}"}


def test_a_cancelled_update_gives_up_and_stops_its_command(folder: Path) -> None:
    with plugin() as own, own.creating(MIGRATION, migration(folder, "sleep", "300")) as future:
        command = command_of(own)
        own.cancel()
        with pytest.raises(grpc.RpcError) as failure:
            future.result(timeout=PATIENCE)
        assert not runs(command)
    assert refusal(failure.value) == (
        "FAILED_PRECONDITION",
        "The update was cancelled. What served before still serves; run `pulumi up` to go on.",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_asked_to(number: signal.Signals) -> None:
    with plugin_of_another_engine() as (engine, running):
        os.kill(running.pid, number)
        engine.wait(timeout=PATIENCE)
        assert not runs(running.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_the_middle_of_an_effect_with_the_command_that_it_waits_for(
    folder: Path, number: signal.Signals
) -> None:
    with plugin() as own, own.creating(MIGRATION, migration(folder, "sleep", "300")) as future:
        command = command_of(own)
        os.kill(own.pid, number)
        with pytest.raises(grpc.RpcError):
            future.result(timeout=PATIENCE)
        wait_until(lambda: not runs(own.pid) and not runs(command), "plugin and command end")


def test_it_ends_when_its_engine_is_killed_before_it_has_started() -> None:
    program = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE).stdout.read()"
    with subprocess.Popen([sys.executable, "-c", program, str(EXECUTABLE), "127.0.0.1:1"]) as engine:
        wait_until(lambda: children(engine.pid), "the plugin is being started")
        [starting] = children(engine.pid)
        engine.kill()
    wait_until(lambda: not runs(starting), "the plugin ends though it never saw its engine")


def test_it_ends_when_its_engine_is_killed(folder: Path) -> None:
    with plugin_of_another_engine() as (engine, running):
        with running.creating(MIGRATION, migration(folder, "sleep", "300")) as future:
            command = command_of(running)
            kill(engine.pid)
            with pytest.raises(grpc.RpcError):
                future.result(timeout=PATIENCE)
        wait_until(lambda: not runs(running.pid), "the plugin ends with its engine")
        wait_until(lambda: not runs(command), "the command ends with the plugin")


def test_a_command_dies_with_the_killed_plugin(folder: Path) -> None:
    with plugin() as own, own.creating(MIGRATION, migration(folder, "sleep", "300")) as future:
        command = command_of(own)
        kill(own.pid)
        with pytest.raises(grpc.RpcError):
            future.result(timeout=PATIENCE)
        wait_until(lambda: not runs(command), "the command dies with the plugin")


def test_postgres_killed_in_the_middle_of_its_making_is_made_by_the_next(home: Environment) -> None:
    draft = home.layout.postgres / "draft" / "base"
    with plugin() as own, own.creating(POSTGRES, postgres(home)) as future:
        wait_until(draft.exists, "initdb is in the middle of its work")
        kill(own.pid)
        with pytest.raises(grpc.RpcError):
            future.result(timeout=PATIENCE)
    wait_until(lambda: not any("initdb" in line for line in concerning(home.layout.directory).values()), "initdb ends")
    assert not (home.layout.postgres / "data").exists()
    id, state = PostgresResource().create(Inputs(home.directory, "pitchbar", "pitchbar", DATABASE_PASSWORD))
    assert PostgresResource().read(id, state) == state
    assert not (home.layout.postgres / "draft").exists()
    PostgresResource().delete(id, state)


def test_its_executable_takes_the_engines_options() -> None:
    """Pulumi adds options such as ``--logtostderr`` and ``-v=3`` before the engine's address."""
    command = [str(EXECUTABLE), "-logtostderr", "-v=9", "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline()) > 0
        process.terminate()
        process.wait(timeout=PATIENCE)


def test_starting_it_loads_no_resource() -> None:
    """A stack loads only what it has: start-up is bound by the cores."""
    program = (
        "import sys, infra.provider.server; print(sorted(m for m in sys.modules if m.startswith('infra.provider')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(
        [
            "infra.provider",
            "infra.provider.base",
            "infra.provider.cancellation",
            "infra.provider.marshal",
            "infra.provider.plugin",
            "infra.provider.server",
        ]
    )
