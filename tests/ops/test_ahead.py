"""What `pitchbar up` starts ahead of the engine: the engine is led to it, and it outlives nobody."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from infra.ops.ahead import ahead
from tests.ops.tiny import Tiny
from tests.support.processes import children, command_line, kill, runs, wait_until

PLUGIN = Path(__file__).resolve().parents[2] / "infra/provider/pulumi-resource-pitchbar"


def port_of(started: "subprocess.Popen[str]") -> int:
    assert started.stdout
    return int(started.stdout.readline())


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(folder: str) -> "subprocess.Popen[str]":
    environ = {**os.environ, "PITCHBAR_AHEAD": folder}
    return subprocess.Popen([str(PLUGIN), "127.0.0.1:1"], env=environ, stdout=subprocess.PIPE, text=True)


def test_each_start_of_the_plugin_gets_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITCHBAR_HOME", str(tmp_path))
    with ahead("new") as helpers:
        folder = helpers.variables["PITCHBAR_AHEAD"]
        process = int(Path(folder, "pid").read_text())
        starts = [start(folder) for _ in range(3)]
        ports = [port_of(started) for started in starts]
        assert len(set(ports)) == 3
        assert all(listens(port) for port in ports)
        lines = [command_line(started.pid) for started in starts]
        assert [line.partition(" ")[0] == "tail" for line in lines].count(True) == 2, "two were started ahead"
        forks = children(process)
        assert len(forks) == 2, "another plugin, and the process of the program"
    wait_until(lambda: not any(runs(pid) for pid in (process, *forks)), "they end with the block")
    for started in starts:
        if command_line(started.pid).startswith("tail"):
            started.wait(10)  # The engine would have ended it: it says that its plugin is gone.
        started.kill()
        started.communicate()


def test_a_stack_of_another_target_gets_none(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.paths.project_root", lambda: tiny.root)
    (tiny.root / "Pulumi.staging.yaml").write_text("config:\n  pitchbar:target: aws\n")
    with ahead("staging") as helpers:
        assert (helpers.variables, helpers.descriptors) == ({}, ())


_TELLING = """
import os, sys
print("said by the program")
print("complained of by the program", file=sys.stderr)
pulumi.export("run_by", Path("/proc/self/cmdline").read_text().split("\\0")[3])
pulumi.export("known", sorted({"PULUMI_STACK", "PITCHBAR_AHEAD", "PITCHBAR_HOST"} & os.environ.keys()))
pulumi.export("input", os.path.realpath("/proc/self/fd/0"))
"""


def test_the_program_runs_in_the_process_that_waited(tiny: Tiny) -> None:
    program = tiny.root / "program/__main__.py"
    program.write_text(program.read_text() + _TELLING)
    finished = tiny.pitchbar("up", "--yes")
    assert "said by the program" in finished.stdout, finished.stderr
    assert "complained of by the program" in finished.stdout
    outputs = next(each["outputs"] for each in tiny.state()["resources"] if each["type"] == "pulumi:pulumi:Stack")
    assert outputs["run_by"] == "infra.ops.ahead_process"
    assert outputs["known"] == ["PULUMI_STACK"]
    assert outputs["input"] == "/dev/null"


def test_below_a_deep_tmpdir_the_language_host_starts_its_own(tiny: Tiny, tmp_path: Path) -> None:
    program = tiny.root / "program/__main__.py"
    program.write_text(program.read_text() + _TELLING)
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    finished = tiny.pitchbar("up", "--yes", TMPDIR=str(deep))
    assert "tools.language_host.program" in finished.stdout, finished.stderr


def test_a_bare_pulumi_starts_its_own(made: Tiny) -> None:
    program = made.root / "program/__main__.py"
    program.write_text(program.read_text() + _TELLING)
    finished = made.shell('eval "$(pitchbar env -s local)"\npulumi up --yes --skip-preview')
    assert "tools.language_host.program" in finished.stdout, finished.stderr


def test_they_stay_as_long_as_the_engine_and_no_longer(tiny: Tiny, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    tiny.turn(mark=str(begun), sleep=60)
    command = tiny.start("up", "--yes")
    wait_until(begun.exists, "the engine works", 60)
    started = {pid: command_line(pid) for pid in children(command.pid)}
    helpers = [pid for pid, line in started.items() if "infra.ops.ahead_process" in line]
    [engine] = [pid for pid, line in started.items() if line.partition(" ")[0].endswith("/pulumi")]
    helpers += children(helpers[0])
    command.kill()
    command.wait()
    time.sleep(0.5)  # They would end within milliseconds.
    assert [runs(pid) for pid in helpers] == [True] * 3, "they ended with the command, and the engine needs them"
    kill(engine)
    wait_until(lambda: not any(runs(pid) for pid in helpers), "they end with the engine", 60)
    command.communicate()
