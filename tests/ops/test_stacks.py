"""Which stacks there are, how one is made, and what is refused in words."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from infra.errors import UserError
from infra.ops import stacks
from infra.ops.making import write_config
from tests.ops.tiny import Tiny, until
from tests.support.processes import PATIENCE


@pytest.mark.parametrize("name", ["a", "local", "pr-12", "a" * 24])
def test_names_that_can_be(name: str) -> None:
    assert stacks.checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "try_"),
    [
        ("Rehearsal", "rehearsal"),
        ("pr_12", "pr-12"),
        ("12", "rehearsal"),
        ("a" * 25, "a" * 24),
        ("ends-", "ends"),
        ("../x", "x"),
        ("", "rehearsal"),
        ("organization/tiny/local", "organization-tiny-local"),
    ],
)
def test_names_that_can_not_be(name: str, try_: str) -> None:
    with pytest.raises(UserError) as caught:
        stacks.checked_name(name)
    assert str(caught.value) == (
        f"{name!r} can't be the name of a stack: it takes 1 to 24 lower-case letters, digits and hyphens, begins with "
        "a letter and does not end with a hyphen, because it becomes a part of host names. "
        f"Try `-s {try_}`."
    )


def test_a_new_stack_has_its_settings_and_its_salt_in_the_project_home(tiny: Tiny) -> None:
    tiny.pitchbar("up", "-s", "rehearsal", "--environment", "production", "--target", "local", "--yes")
    document = yaml.safe_load((tiny.root / "home/stacks/Pulumi.rehearsal.yaml").read_text())
    assert len(document["config"].pop("pitchbar:release")) == 12
    assert document["config"] == {
        "pitchbar:environment": "production",
        "pitchbar:target": "local",
        "pitchbar:domain": "rehearsal.localhost",
    }
    assert document["encryptionsalt"] == tiny.state("rehearsal")["secrets_providers"]["state"]["salt"]
    assert not list(tiny.root.glob("Pulumi.*.yaml"))
    assert (tiny.root / "home").stat().st_mode & 0o777 == 0o700


def test_a_wish_that_contradicts_the_stack_is_refused_with_the_command_that_changes_it(made: Tiny) -> None:
    before = (made.root / "home/stacks/Pulumi.local.yaml").read_text()
    file = "home/stacks/Pulumi.local.yaml"
    finished = made.pitchbar("up", "-s", "local", "--environment", "staging", "--yes")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        f"error: Stack local is environment local (see {file}), not staging. To change it, type: "
        'eval "$(pitchbar env -s local)" && pulumi config set pitchbar:environment staging\n'
    )
    finished = made.pitchbar("up", "-s", "local", "--target", "aws", "--yes")
    assert finished.stderr == (
        f"error: Stack local is of target local (see {file}), not aws, and a stack does not move. "
        "Take another name: pitchbar up -s local-aws --environment local --target aws\n"
    )
    assert (made.root / file).read_text() == before


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            "config:\n  pitchbar:port: 8080\n  pitchbar:port: 8081\nconfig:\n  pitchbar:tls: true\n",
            " can't be read:\n"
            "  line 3: config.pitchbar:port: found the key a second time. A key is written once, and this one is "
            "on line 2 already. Remove one of the two.\n"
            "  line 4: config: found the key a second time. A key is written once, and this one is on line 1 already. "
            "Remove one of the two.\n",
        ),
        (
            "config:\n\tpitchbar:tls: true\n",
            " can't be read:\n"
            "  line 2: found a tab in the indentation. YAML is indented with spaces. Replace the tab with spaces.\n",
        ),
        ("config: [a]\n", ": below `config` belong keys, such as pitchbar:environment: local.\n"),
        ("- a\n", " is not a file of Pulumi's: it has no keys.\n"),
    ],
    ids=["duplicates", "tab", "a list for keys", "a list"],
)
def test_a_stack_file_with_mistakes_is_refused_in_words(made: Tiny, config: str, said: str) -> None:
    file = made.root / "home/stacks/Pulumi.local.yaml"
    file.write_text(config)
    finished = made.pitchbar("up", "--yes")
    assert (finished.returncode, finished.stderr) == (1, f"error: {file}{said}")
    assert file.read_text() == config


def test_what_a_stack_file_says_means_the_same_when_it_is_written_again(tmp_path: Path) -> None:
    home, file = tmp_path / "elsewhere.yaml", tmp_path / "Pulumi.local.yaml"
    home.write_text(
        "\ufeffconfig:\r\n  <<: {a:a: 1}\r\n  a:tls: yes\r\n  a:zip: 010\r\n  a:time: 12:30\r\n"
        "  a:release: 350061099e34\r\n  a:day: 2026-11-24\r\n  a:none:\r\n  a:is: true\r\n"
    )
    file.symlink_to(home)
    config = {"a:a": 1, "a:tls": "yes", "a:zip": "010", "a:time": "12:30", "a:release": "350061099e34"}
    config |= {"a:day": "2026-11-24", "a:none": None, "a:is": True}
    assert stacks.read_yaml(file) == {"config": config}
    write_config(file, stacks.read_yaml(file))
    assert file.is_symlink()
    assert yaml.safe_load(home.read_text()) == {"config": config}


def test_a_tracked_stack_is_what_its_file_says(tiny: Tiny) -> None:
    (tiny.root / "Pulumi.staging.yaml").write_text("config:\n  pitchbar:environment: staging\n  pitchbar:target: aws\n")
    finished = tiny.pitchbar("up", "-s", "staging", "--target", "local", "--yes")
    assert finished.stderr == (
        "error: Stack staging is of target aws (see Pulumi.staging.yaml), not local, and a stack does not move. "
        "Take another name: pitchbar up -s staging-local --environment staging --target local\n"
    )


def test_a_stack_of_another_target_needs_its_file(tiny: Tiny) -> None:
    finished = tiny.pitchbar("up", "-s", "live", "--target", "aws", "--yes")
    assert finished.stderr == (
        "error: There is no Pulumi.live.yaml: stacks of target aws are described by a file in the checkout. "
        "Copy the nearest one, for example: cp Pulumi.staging.yaml Pulumi.live.yaml\n"
    )


def test_making_can_be_interrupted_before_and_after_the_backend_knows_the_stack(made: Tiny) -> None:
    passphrase = (made.root / "home/stacks/local.passphrase").read_text()
    (made.root / "home/stacks/Pulumi.local.yaml").unlink()
    finished = made.pitchbar("up", "--yes")
    assert "already exists" not in finished.stdout + finished.stderr
    assert (made.root / "home/stacks/local.passphrase").read_text() == passphrase
    assert "pitchbar:domain: localhost" in (made.root / "home/stacks/Pulumi.local.yaml").read_text()


def test_a_stack_whose_passphrase_is_lost_is_not_given_another(made: Tiny) -> None:
    for file in (made.root / "home/stacks").iterdir():
        file.unlink()
    finished = made.pitchbar("up", "--yes")
    assert finished.stderr == (
        "error: Stack local is in this backend already, but its passphrase is not here. "
        "Set it, then repeat: export PULUMI_CONFIG_PASSPHRASE_FILE=...\n"
    )
    assert not list((made.root / "home/stacks").iterdir())


def test_without_a_terminal_and_without_yes_nothing_is_begun(tiny: Tiny) -> None:
    finished = tiny.pitchbar("up")
    assert finished.stderr == (
        "error: This changes things, and there is no terminal to ask on. To confirm, type: pitchbar up -s local --yes\n"
    )
    assert finished.returncode == 1
    assert tiny.files() == set()


def test_what_is_to_be_typed_for_yes_is_what_was_typed(tiny: Tiny) -> None:
    """Else whoever follows the advice gets another environment, or another release."""
    asked = ("up", "-s", "rehearsal", "--environment", "production", "--target", "local", "--release", "0123abcd")
    assert tiny.pitchbar(*asked).stderr.endswith(f"To confirm, type: pitchbar {' '.join(asked)} --yes\n")


@pytest.mark.parametrize("asked", [("up", "--release", ""), ("rollback", "--to", " ")])
def test_an_empty_release_is_none_and_not_the_usual_one(tiny: Tiny, asked: tuple[str, ...]) -> None:
    finished = tiny.pitchbar(*asked, "--yes")
    assert finished.returncode == 2
    assert finished.stderr.endswith("it is empty. Give it the id of a release, or leave the option out.\n")
    assert tiny.files() == set()


class TestTurns:
    """Two commands on one stack."""

    @pytest.fixture
    def busy(self, tiny: Tiny, tmp_path: Path) -> "subprocess.Popen[str]":
        tiny.turn(mark=str(tmp_path / "began"), sleep=3)
        first = tiny.start("up", "--yes")
        until((tmp_path / "began").exists)
        return first

    def test_the_second_waits_and_says_for_whom(self, tiny: Tiny, busy: "subprocess.Popen[str]") -> None:
        tiny.turn()
        finished = tiny.pitchbar("up", "--yes")
        assert (
            f"Waiting for stack local: `pitchbar up -s local` (pid {busy.pid}) has worked on it since "
            in finished.stdout
        )
        assert "locked" not in finished.stderr
        assert busy.wait(2 * PATIENCE) == 1  # this project has nothing to verify
        assert "+ 3 created" in busy.communicate()[0]
        assert not (tiny.root / "home/stacks/local.lock").exists()

    def test_or_fails_when_it_must_not_wait(self, tiny: Tiny, busy: "subprocess.Popen[str]") -> None:
        finished = tiny.pitchbar("down", "--yes", "--no-wait")
        assert finished.returncode == 1
        since = finished.stderr.partition("since ")[2][:8]
        assert finished.stderr == (
            f"error: Stack local is busy: `pitchbar up -s local` (pid {busy.pid}) has worked on it since {since}. "
            "Repeat the command when that has ended, or without --no-wait.\n"
        )
        time.strptime(since, "%H:%M:%S")
        busy.send_signal(signal.SIGINT)
        busy.communicate(timeout=2 * PATIENCE)
