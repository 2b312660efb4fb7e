"""The secret outputs, opened without the CLI: as it shows them, or left to it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import paths
from infra.ops import checkpoint, outputs, passphrase
from infra.ops.passphrase import NotOpened
from infra.ops.stacks import Stack
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.supervision import Program, _render
from tests.ops.tiny import Tiny


@pytest.fixture
def stack(made: Tiny, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PITCHBAR_HOME", str(made.root / "home"))
    return Stack("local", True, made.root / "home/stacks/Pulumi.local.yaml")


def test_they_are_what_was_exported(made: Tiny, stack: Stack) -> None:
    deployment = made.state()
    kept = checkpoint.outputs(deployment)
    assert "hush" not in str(kept)
    assert passphrase.opened(stack, deployment, kept) == {
        "greeting": "hello",
        "admin_password": "hush-admin",
        "internal_queue_token": "hush-token",
    }
    inside = {"list": [kept["admin_password"], 1, None], "map": {"deep": kept["internal_queue_token"]}}
    assert passphrase.opened(stack, deployment, inside) == {
        "list": ["hush-admin", 1, None],
        "map": {"deep": "hush-token"},
    }


def changed(deployment: Mapping[str, Any], **provider: Any) -> Mapping[str, Any]:
    return {**deployment, "secrets_providers": {**deployment["secrets_providers"], **provider}}


def test_what_is_not_of_this_format_or_passphrase_is_left_to_the_cli(made: Tiny, stack: Stack) -> None:
    deployment = made.state()
    kept = checkpoint.outputs(deployment)
    salt = deployment["secrets_providers"]["state"]["salt"]
    damaged = {**kept["admin_password"], "ciphertext": kept["admin_password"]["ciphertext"][:-8] + "AAAAAAA="}
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "hash": "1"}
    for foreign in (changed(deployment, type="cloud"), changed(deployment, state={"salt": salt.replace("v1", "v2")})):
        with pytest.raises(NotOpened):
            passphrase.opened(stack, foreign, kept)
    for value in (damaged, asset):
        with pytest.raises(NotOpened):
            passphrase.opened(stack, deployment, {"value": value})
    (made.root / "home/stacks/local.passphrase").write_text("another one")
    with pytest.raises(NotOpened):
        passphrase.opened(stack, deployment, kept)


def test_the_cli_is_asked_only_where_they_are_not_opened(
    made: Tiny, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def ask(stack: Stack, *options: str) -> dict[str, Any]:
        asked.append(options)
        return {"greeting": "from the CLI", "admin_password": "from the CLI"}

    monkeypatch.setattr(outputs, "_ask", ask)
    monkeypatch.setattr(checkpoint, "latest", lambda stack: made.state())
    found = outputs.read(stack, secrets=True)
    assert (found.public, found.secret["admin_password"], asked) == ({"greeting": "hello"}, "hush-admin", [])

    monkeypatch.setattr(checkpoint, "latest", lambda stack: changed(made.state(), type="cloud"))
    found = outputs.read(stack, secrets=True)
    assert (found.public, found.secret) == ({"greeting": "from the CLI"}, {"admin_password": "from the CLI"})
    assert asked == [("--show-secrets",)]


def test_the_checks_get_theirs_from_the_worker_without_the_key(
    made: Tiny, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "latest", lambda stack: made.state())
    monkeypatch.setenv("PITCHBAR_DATA_HOME", str(tmp_path))
    assert outputs.read_for_checks(stack).secret["internal_queue_token"] == "hush-token"  # there is no worker yet

    layout = Layout(paths.environment_dir("local"))
    for folder in (layout.programs, layout.services / "worker-1"):
        folder.mkdir(parents=True)
    variables = {"INTERNAL_QUEUE_TOKEN": "its-token", "REVERB_APP_KEY": "its-key", "DB_PASSWORD": "its-password"}
    text = _render(Program("worker-1", ("true",), tmp_path, variables), layout)
    (layout.programs / "worker-1.conf").write_text(text)
    (layout.services / "worker-1" / ACCEPTED).touch()
    monkeypatch.setattr(passphrase, "opened", lambda *_: pytest.fail("the key was derived"))
    found = outputs.read_for_checks(stack)
    assert found.public == {"greeting": "hello"}
    assert found.secret == {"internal_queue_token": "its-token", "realtime_key": "its-key"}
