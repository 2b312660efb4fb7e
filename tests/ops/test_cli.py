"""The command's manners: help, usage errors, exit codes, colours, speed."""

import errno
import json
import os

import pytest

from infra.errors import of_system
from tests.ops.tiny import Tiny

COMMANDS = [
    *("up", "releases", "rollback", "deploy-cron-worker", "rotate", "retire", "audit-vectors"),
    *("down", "dev", "verify", "doctor", "env", "status", "logs", "backup", "backups", "restore"),
    "bootstrap",
]


def test_help_lists_the_commands_in_the_order_of_their_use(tiny: Tiny) -> None:
    finished = tiny.pitchbar("--help")
    listed = finished.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not any(line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tiny: Tiny, command: str) -> None:
    finished = tiny.pitchbar(command, "--help")
    assert finished.returncode == 0
    assert finished.stdout.startswith(f"Usage: pitchbar {command} [OPTIONS]")


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["up", "--environment", "moon"], ["logs", "-n", "-1"], ["env", "too", "many"], ["up", "--what"]],
)
def test_usage_errors_exit_with_2(tiny: Tiny, arguments: list[str]) -> None:
    finished = tiny.pitchbar(*arguments)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert "Usage: pitchbar" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_error_in_json_is_one_document_and_a_line_for_people(tiny: Tiny) -> None:
    finished = tiny.pitchbar("verify", "-s", "nowhere", "--json")
    assert finished.returncode == 1
    assert finished.stdout == (
        '{\n  "result": "failed",\n'
        '  "error": "There is no stack \'nowhere\' here. To make it, type: pitchbar up -s nowhere"\n}\n'
    )
    assert finished.stderr == "error: There is no stack 'nowhere' here. To make it, type: pitchbar up -s nowhere\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly", "--json"], "No such command 'fly'."),
        (["up", "--json", "--frob"], "No such option '--frob'."),
        (["logs", "-n", "-1", "--json"], "Invalid value for '-n' / '--lines': -1 is not in the range x>=0."),
    ],
)
def test_a_usage_error_in_json_is_one_document_too(tiny: Tiny, arguments: list[str], said: str) -> None:
    finished = tiny.pitchbar(*arguments)
    assert finished.returncode == 2
    assert json.loads(finished.stdout) == {"result": "failed", "error": said}
    assert finished.stderr.startswith("Usage: pitchbar")
    assert finished.stderr.endswith(f"Error: {said}\n")


def test_what_the_system_refuses_is_told_without_a_traceback(tiny: Tiny) -> None:
    taken = tiny.root / "taken"
    taken.touch()
    finished = tiny.pitchbar("up", "--yes", "--json", PITCHBAR_HOME=str(taken))
    said = (
        f"{taken}: File exists. Move away what is there in the place of a file or a folder, then repeat the command. "
        f"To see what is there, type: ls -la {tiny.root}"
    )
    assert finished.returncode == 1
    assert json.loads(finished.stdout) == {"result": "failed", "error": said}
    assert finished.stderr.splitlines()[-1] == f"error: {said}"


def test_a_full_disk_is_told_with_what_to_type() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/my files/x")
    assert str(of_system(full)) == (
        "/data/my files/x: No space left on device. Free some space, then repeat the command. "
        "To see what is there, type: df -h '/data/my files'"
    )
    assert of_system(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "x")) is None


def test_errors_name_the_command_as_it_can_be_typed(tiny: Tiny) -> None:
    finished = tiny.pitchbar("verify", "-s", "nowhere", PATH="/usr/bin:/bin")
    assert finished.stderr.endswith("/bin/pitchbar up -s nowhere\n")
    assert f"type: {tiny.root}/.venv/bin/pitchbar up" in finished.stderr


def test_the_stack_of_the_shell_is_the_default(tiny: Tiny) -> None:
    assert "There is no stack 'other'" in tiny.pitchbar("env", PULUMI_STACK="other").stderr
    assert "There is no stack 'mine'" in tiny.pitchbar("env", "-s", "mine", PULUMI_STACK="other").stderr


def test_no_colours_away_from_a_terminal(tiny: Tiny) -> None:
    tiny.environ.pop("NO_COLOR")
    finished = tiny.pitchbar("verify")
    assert "\033" not in finished.stdout + finished.stderr


def test_help_is_quick(tiny: Tiny) -> None:
    assert tiny.work("--help") < 15
