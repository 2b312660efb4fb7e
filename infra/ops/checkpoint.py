"""A stack's checkpoint as a file backend keeps it: made and looked into where a run of the CLI would take too long."""

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.ops import stacks
from infra.ops.environment import backend_folder, engine_environment
from infra.ops.stacks import Stack

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a value that isn't plain, such as an encrypted secret."""

_OLD_LAYOUT = "_LEGACY_LAYOUT"
"""How the variables end that ask the CLI for a folder which is not laid out by projects."""


def latest(stack: Stack) -> Mapping[str, Any] | None:
    """The deployment that the last update left: empty before the first; None for a backend that is no folder."""
    folder = backend_folder(engine_environment(stack))
    if folder is None:
        return None
    plain = _file(folder, stack)
    packed = plain.with_name(plain.name + ".gz")
    try:
        content = json.loads(gzip.decompress(packed.read_bytes()) if packed.is_file() else plain.read_bytes())
        found: Mapping[str, Any] = content["checkpoint"]["latest"] or {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # No state yet, or one that the engine itself will complain about.
    return found


def exists(folder: Path, stack: Stack) -> bool:
    """Whether the file backend in this folder has the stack."""
    plain = _file(folder, stack)
    return any(plain.with_name(plain.name + ending).is_file() for ending in ("", ".gz", ".zst"))


def make_empty(folder: Path, stack: Stack) -> bool:
    """Make the stack in the file backend in this folder as the backend itself does: a checkpoint that only names it.

    The engine's first update completes it, and writes the salt of the secrets into the stack's configuration. False,
    and nothing done, where the stack exists or the folder isn't laid out by projects, which very old ones are not.
    """
    file, layout = _file(folder, stack), folder / ".pulumi" / "meta.yaml"
    by_projects = stacks.read_yaml(layout).get("version") == 1 if layout.is_file() else not layout.parent.exists()
    if exists(folder, stack) or not by_projects or any(name.endswith(_OLD_LAYOUT) for name in os.environ):
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.draft")
    named = {"stack": f"organization/{stacks.project_name()}/{stack.name}"}
    draft.write_text(json.dumps({"version": 3, "checkpoint": named}), encoding="utf-8")
    draft.rename(file)
    return True


def _file(folder: Path, stack: Stack) -> Path:
    return folder / ".pulumi" / "stacks" / stacks.project_name() / f"{stack.name}.json"


def outputs(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The stack's outputs as they are kept: encrypted where they are secrets."""
    resources = deployment.get("resources") or []
    return next((each.get("outputs") or {} for each in resources if each.get("type") == "pulumi:pulumi:Stack"), {})


def secret_outputs(deployment: Mapping[str, Any]) -> frozenset[str]:
    """The names of the stack's outputs that are secrets."""
    kept = outputs(deployment).items()
    return frozenset(name for name, value in kept if isinstance(value, dict) and _SIGNATURE in value)
