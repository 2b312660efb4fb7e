"""The command's manners: help, usage errors, exit codes, colours, speed."""

import pytest

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
