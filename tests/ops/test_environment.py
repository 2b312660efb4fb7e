"""`pitchbar env`: bare `pulumi` on the same state, from any folder, and never a secret in what is printed."""

import json
import os
import shutil
from pathlib import Path

import pytest

from infra import paths
from infra.ops import environment
from infra.ops.stacks import Stack
from tests.ops.tiny import Tiny


def test_an_unknown_stack_is_one_sentence_with_the_command(tiny: Tiny) -> None:
    finished = tiny.pitchbar("env", "-s", "rehearsal")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "error: There is no stack 'rehearsal' here. To make it, type: pitchbar up -s rehearsal\n"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_bare_pulumi_works_in_any_folder(made: Tiny, shell: str, tmp_path: Path) -> None:
    finished = made.shell(
        """
        eval "$(pitchbar env)" && set -e
        pulumi stack output greeting
        pulumi config get pitchbar:environment
        pulumi config set tiny:note 'kept'
        pulumi preview --non-interactive | grep -c unchanged
        pulumi up --yes --skip-preview >&2
        pulumi stack history --json
        """,
        shell=shell,
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stderr
    greeting, environment, previewed, *history = finished.stdout.splitlines()
    assert (greeting, environment, previewed) == ("hello", "local", "1")
    updates = json.loads("\n".join(history))
    assert [update["result"] for update in updates] == ["succeeded", "succeeded"]
    assert updates[0]["config"]["tiny:note"]["value"] == "kept"
    assert "tiny:note: kept" in (made.root / "home/stacks/Pulumi.local.yaml").read_text()
    assert not list(made.root.glob("Pulumi.*.yaml"))


def test_the_passphrase_is_never_printed_only_its_file(made: Tiny) -> None:
    passphrase = (made.root / "home/stacks/local.passphrase").read_text()
    assert len(passphrase) > 30
    for arguments in (
        ["env"],
        ["env", "--json"],
        ["up", "--yes", "--json"],
        ["verify", "--json"],
        ["status", "--json"],
    ):
        finished = made.pitchbar(*arguments)
        assert passphrase not in finished.stdout + finished.stderr
        assert "hush" not in finished.stdout + finished.stderr
    document = json.loads(made.pitchbar("env", "--json").stdout)
    assert document["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(made.root / "home/stacks/local.passphrase")
    assert (made.root / "home/stacks/local.passphrase").stat().st_mode & 0o777 == 0o600


def test_folders_with_odd_names_are_quoted(tmp_path: Path) -> None:
    tiny = Tiny.make(tmp_path / "it's 100% a #folder", tmp_path)
    tiny.pitchbar("up", "--yes")
    finished = tiny.shell('eval "$(pitchbar env)" && pulumi config get pitchbar:target', cwd=tmp_path)
    assert (finished.stdout, finished.stderr) == ("local\n", "")


def test_it_is_quick(made: Tiny) -> None:
    assert made.work("env") < 15


class TestVariables:
    """What is set and unset, for a local stack and for one whose owner keeps it elsewhere."""

    local = Stack("local", True, paths.stack_config_file("local"))
    staging = Stack("staging", False, paths.project_root() / "Pulumi.staging.yaml")

    def test_the_users_backend_wins(self) -> None:
        found = environment.variables(self.local, {"PATH": "/bin", "PULUMI_BACKEND_URL": "s3://mine"})
        assert found["PULUMI_BACKEND_URL"] == "s3://mine"

    def test_a_backend_that_another_checkouts_env_has_set_does_not(self) -> None:
        theirs = {"PULUMI_BACKEND_URL": "file:///other/state", "PITCHBAR_BACKEND_URL": "file:///other/state"}
        found = environment.variables(self.local, {"PATH": "/bin", **theirs})
        assert found["PULUMI_BACKEND_URL"] == f"file://{paths.state_dir()}"

    def test_a_stack_elsewhere_gets_nothing_of_the_local_ones(self) -> None:
        before = {name: value for name, value in environment.variables(self.local, {"PATH": "/bin"}).items() if value}
        before["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(paths.passphrase_file("local"))
        found = environment.variables(self.staging, before)
        unset = {name for name, value in found.items() if value is None}
        assert unset == {
            "PULUMI_OPTION_STACK",
            "PULUMI_OPTION_CONFIG_FILE",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
            "PULUMI_BACKEND_URL",
            "PITCHBAR_BACKEND_URL",
            "PULUMI_CONFIG_PASSPHRASE_FILE",
        }
        assert found["PULUMI_STACK"] == "staging"

    def test_a_stack_elsewhere_keeps_the_users_own_settings(self) -> None:
        mine = {"PATH": "/bin", "PULUMI_CONFIG_PASSPHRASE": "x", "PULUMI_OPTION_CONFIG_FILE": "/my/file.yaml"}
        found = environment.variables(self.staging, mine)
        assert found["PULUMI_OPTION_CONFIG_FILE"] == "/my/file.yaml"
        assert "PULUMI_CONFIG_PASSPHRASE" not in found

    def test_the_tools_come_first_on_the_path_and_once(self) -> None:
        once = environment.variables(self.local, {"PATH": "/usr/bin:/bin"})["PATH"]
        assert once is not None
        assert environment.variables(self.local, {"PATH": once})["PATH"] == once
        first, *_, last = once.split(os.pathsep)
        assert shutil.which("pulumi", path=first)
        assert shutil.which("pitchbar", path=last)
        assert f"{os.pathsep}/usr/bin{os.pathsep}/bin{os.pathsep}" in once


def test_a_passphrase_of_the_user_makes_the_stack_and_is_not_kept(tiny: Tiny) -> None:
    tiny.environ["PULUMI_CONFIG_PASSPHRASE"] = "my own"
    tiny.pitchbar("up", "--yes")
    assert not (tiny.root / "home/stacks/local.passphrase").exists()
    finished = tiny.shell('eval "$(pitchbar env)" && pulumi stack output --show-secrets admin_password')
    assert finished.stdout == "hush-admin\n"


def test_a_passphrase_in_the_shell_does_not_hide_the_generated_one(made: Tiny) -> None:
    made.environ["PULUMI_CONFIG_PASSPHRASE"] = "of another project"
    finished = made.shell('eval "$(pitchbar env)" && pulumi stack output --show-secrets admin_password')
    assert finished.stdout == "hush-admin\n"
