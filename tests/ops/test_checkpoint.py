"""A new stack's checkpoint, which this project writes itself: the engine must find what it would have made."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.ops import checkpoint, stacks
from infra.ops.stacks import Stack
from tests.ops.tiny import Tiny


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(stacks, "project_name", lambda: "tiny")
    return Stack("one", True, tmp_path / "Pulumi.one.yaml")


def shape(value: Any) -> Any:
    """What a value is made of, without what differs from stack to stack, or with who runs the program."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in sorted(value.items()) if name != "stackTrace"}
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


def test_an_update_leaves_of_it_what_it_leaves_of_one_that_the_cli_made(made: Tiny) -> None:
    done = made.shell(
        'eval "$(pitchbar env -s local)"\n'
        "export PULUMI_OPTION_CONFIG_FILE=$PWD/Pulumi.cli.yaml PULUMI_STACK=cli\n"
        "pulumi stack init cli --secrets-provider passphrase && pulumi up --yes --skip-preview"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    local, cli = made.state("local"), made.state("cli")
    for state in (local, cli):
        state["resources"].sort(key=lambda resource: resource["urn"].partition("::")[2])  # their order is chance
    assert shape(local) == shape(cli)
    folder = made.root / "home/state/.pulumi/stacks/tiny"
    kept = {name: {file.name.replace(name, "") for file in folder.glob(f"{name}.*")} for name in ("local", "cli")}
    assert kept["local"] == kept["cli"]


def test_its_first_update_writes_the_salt_into_its_configuration(made: Tiny) -> None:
    file = made.root / "home/stacks/Pulumi.local.yaml"
    salt = made.state()["secrets_providers"]["state"]["salt"]
    assert stacks.read_yaml(file)["encryptionsalt"] == salt
    assert file.stat().st_mode & 0o077 == 0


def test_a_backend_that_is_new_or_laid_out_by_projects_gets_one(tmp_path: Path, stack: Stack) -> None:
    for folder in (tmp_path / "new", tmp_path / "used"):
        folder.mkdir()
    (tmp_path / "used/.pulumi").mkdir()
    (tmp_path / "used/.pulumi/meta.yaml").write_text("version: 1\n")
    for folder in (tmp_path / "new", tmp_path / "used"):
        assert checkpoint.make_empty(folder, stack)
        [file] = (folder / ".pulumi/stacks").rglob("*.*")
        assert file.relative_to(folder) == Path(".pulumi/stacks/tiny/one.json")
        # As `pulumi stack init` first writes it, but for the version, which it takes from the state to come.
        assert json.loads(file.read_text()) == {"version": 3, "checkpoint": {"stack": "organization/tiny/one"}}
        assert checkpoint.exists(folder, stack)
        assert not checkpoint.make_empty(folder, stack), "it was made a second time"


@pytest.mark.parametrize("meta", [None, "version: 0\n", "version: 2\n"])
def test_a_backend_of_another_layout_is_the_clis_business(tmp_path: Path, stack: Stack, meta: str | None) -> None:
    (tmp_path / ".pulumi").mkdir()
    if meta:
        (tmp_path / ".pulumi/meta.yaml").write_text(meta)
    assert not checkpoint.make_empty(tmp_path, stack)
    assert not checkpoint.exists(tmp_path, stack)


def test_so_is_one_for_which_the_user_asks_for_the_old_layout(
    tmp_path: Path, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_DIY_BACKEND_LEGACY_LAYOUT", "true")
    assert not checkpoint.make_empty(tmp_path, stack)
    assert not checkpoint.exists(tmp_path, stack)
