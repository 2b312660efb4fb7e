"""The pinned release, `pitchbar:release` in a stack's configuration: set before an update, because the stack's history
records the configuration as it was when the update began."""

from pathlib import Path

from infra import paths
from infra.load import environment, load
from infra.ops import stacks
from infra.ops.engine import capture
from infra.ops.making import write_config
from infra.ops.stacks import Stack
from infra.release.choice import working_tree

KEY = "pitchbar:release"


def pin(stack: Stack, release: str | None, app: Path | None = None) -> str:
    """Pin a release, by default the one that the working tree is; return its id."""
    settings = stacks.settings(stack)
    wanted = release
    if not wanted:
        shape = environment(load(), settings.get("environment", stack.name))
        wanted = working_tree(app or paths.app_dir(), shape, settings.get("image", "")).release
    if settings.get("release", "") != wanted:
        _set(stack, wanted)
    return wanted


def _set(stack: Stack, release: str) -> None:
    if not stack.local:
        capture(stack, ["config", "set", KEY, release])
        return
    document = stacks.read_yaml(stack.config_file)
    document["config"] = {**(document.get("config") or {}), KEY: release}
    write_config(stack.config_file, document)
