"""`pitchbar status` and `pitchbar logs`, on a real supervisor with real processes."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import paths
from infra.errors import UserError
from infra.ops import logs
from infra.ops.status import status
from infra.provider.local.layout import Layout
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.local.supervisor import Inputs, State, SupervisorResource
from tests.ops.tiny import Tiny, until
from tests.support.processes import PATIENCE

OLD, NEW = "app-00000001", "app-00000002"


@pytest.fixture
def environment(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """An environment with two generations of the app, of which visitors reach the new one, and a `redis`."""
    for name in ("PITCHBAR_HOME", "PITCHBAR_DATA_HOME"):
        monkeypatch.setenv(name, tiny.environ[name])
    layout = Layout(paths.environment_dir("local"))
    SupervisorResource().create(Inputs(str(layout.directory)))
    supervisor = Supervisor(layout)
    for generation, release in ((OLD, "r1"), (NEW, "r2")):
        folder = layout.services / generation
        folder.mkdir()
        (folder / "service.json").write_text(json.dumps({"process": "app", "release": release, "replicas": 1}))
        store = layout.releases / release
        store.mkdir()
        made = {"id": release, "created_at": f"2026-01-0{release[1]}T00:00:00Z", "created_by": "ann", "commit": "c"}
        (store / "manifest.json").write_text(json.dumps(made))
    (layout.services / ".routes").mkdir()
    (layout.services / ".routes" / "app").symlink_to(layout.services / NEW)
    layout.current.symlink_to(layout.services / ".routes")
    for name in (OLD, NEW, "redis"):
        command = ("/bin/sh", "-c", f"echo hello from {name}; exec sleep 60")
        supervisor.start(Program(name, command, layout.directory))
    until(lambda: all(process.state == 20 for process in supervisor.processes()))
    yield layout
    SupervisorResource().delete("", State(str(layout.directory)))


def test_status_tells_processes_and_releases(environment: Layout, tiny: Tiny) -> None:
    found = status("local")
    assert found.healthy
    assert [(item.name, item.program, item.state, item.release, item.serving) for item in found.processes] == [
        (f"{OLD}-0", "app", "running", "r1", False),
        (f"{NEW}-0", "app", "running", "r2", True),
        ("redis-0", "redis", "running", "", True),
    ]
    assert all(item.pid > 1 for item in found.processes)
    assert [(item.id, item.running) for item in found.releases] == [("r2", True), ("r1", True)]
    shown = tiny.pitchbar("status")
    assert shown.returncode == 0
    line = next(line for line in shown.stdout.splitlines() if line.startswith(OLD))
    assert line.split()[:2] == [f"{OLD}-0", "running"]
    assert line.endswith("release r1 (not serving)")
    assert json.loads(tiny.pitchbar("status", "--json").stdout)["healthy"] is True


def test_status_without_its_supervisor(environment: Layout, tiny: Tiny) -> None:
    os.kill(int((environment.directory / "supervisord.pid").read_text()), signal.SIGKILL)
    until(lambda: not Supervisor(environment).answers())
    shown = tiny.pitchbar("status")
    assert shown.returncode == 1
    assert shown.stdout.startswith("Its supervisor does not run. To heal it: pitchbar up -s local\n")
    assert json.loads(tiny.pitchbar("status", "--json").stdout)["supervisor"] is False


def test_status_of_nothing(tiny: Tiny) -> None:
    shown = tiny.pitchbar("status")
    assert (shown.returncode, shown.stdout) == (
        1,
        "Stack local is not up on this machine. To bring it up, type: pitchbar up -s local\n",
    )


def test_logs_in_json_are_one_document_a_line(environment: Layout, tiny: Tiny) -> None:
    until(lambda: "hello" in (environment.logs / "redis-0.log").read_text())
    shown = tiny.pitchbar("logs", "redis", "--json")
    assert (shown.returncode, shown.stdout) == (0, '{"process": "redis-0", "line": "hello from redis"}\n')


@pytest.mark.parametrize("command", ["status", "logs"])
def test_a_stack_elsewhere_is_not_looked_for_here(tiny: Tiny, command: str) -> None:
    (tiny.root / "Pulumi.staging.yaml").write_text("config:\n  pitchbar:target: docker\n")
    assert tiny.pitchbar(command, "-s", "staging").stderr == (
        "error: Stack staging is of target docker, so its processes are not on this machine. "
        "To check it from outside, type: pitchbar verify -s staging\n"
    )


def test_logs_of_all_of_a_kind_and_of_one(environment: Layout, tiny: Tiny) -> None:
    assert tiny.pitchbar("logs", "redis").stdout == "redis-0  hello from redis\n"
    assert sorted(tiny.pitchbar("logs", "app").stdout.splitlines()) == [
        f"{OLD}-0  hello from {OLD}",
        f"{NEW}-0  hello from {NEW}",
    ]
    assert tiny.pitchbar("logs", f"{OLD}-0", "-n", "1").stdout == f"{OLD}-0  hello from {OLD}\n"
    everything = tiny.pitchbar("logs").stdout
    assert all(f"hello from {name}" in everything for name in (OLD, NEW, "redis"))


def test_a_process_that_is_not_there_is_told_with_those_that_are(environment: Layout, tiny: Tiny) -> None:
    shown = tiny.pitchbar("logs", "worker")
    assert shown.returncode == 1
    assert shown.stderr == (
        f"error: Stack local has no process 'worker'. It has: app, {OLD}-0, {NEW}-0, redis, redis-0, supervisord.\n"
    )


def test_logs_of_nothing(tiny: Tiny) -> None:
    assert tiny.pitchbar("logs").stderr == (
        "error: Stack local has no logs on this machine, so it is not up. To bring it up: pitchbar up -s local\n"
    )


def test_following_goes_on_over_rotation_and_new_files(tmp_path: Path) -> None:
    first, second = tmp_path / "app-0.log", tmp_path / "worker-0.log"
    first.write_text("before\n")
    lines = logs.follow(lambda: {path.stem: path for path in sorted(tmp_path.glob("*.log"))}, {"app-0": 7})
    with first.open("a") as stream:
        stream.write("one\nhal")
    assert next(lines) == ("app-0", "one")
    with first.open("a") as stream:
        stream.write("f\n")
    assert next(lines) == ("app-0", "half")
    first.rename(tmp_path / "app-0.log.1")
    first.write_text("after rotation\n")
    assert next(lines) == ("app-0", "after rotation")
    second.write_text("new\n")
    assert next(lines) == ("worker-0", "new")


def test_following_ends_quietly_with_ctrl_c(environment: Layout, tiny: Tiny) -> None:
    following = tiny.start("logs", "redis", "-f")
    assert following.stdout is not None
    assert following.stdout.readline() == "redis-0  hello from redis\n"
    following.send_signal(signal.SIGINT)
    output, errors = following.communicate(timeout=PATIENCE)
    assert "Traceback" not in output + errors


@pytest.mark.parametrize(("count", "expected"), [(0, []), (2, ["b", "c"]), (9, ["a", "b", "c"])])
def test_last_lines(tmp_path: Path, count: int, expected: list[str]) -> None:
    path = tmp_path / "x.log"
    path.write_text("a\nb\nc\n")
    assert logs.last_lines(path, count) == (expected, 6)


def test_last_lines_of_a_long_file_are_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"{number} {'x' * 1000}\n" for number in range(1000)))
    assert [line.split()[0] for line in logs.last_lines(path, 100)[0]] == [str(number) for number in range(900, 1000)]


def test_logs_in_an_unknown_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PITCHBAR_DATA_HOME", str(tmp_path))
    with pytest.raises(UserError):
        logs.files("local")
