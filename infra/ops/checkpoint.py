"""A stack's checkpoint as a file backend keeps it: looked into where a run of the CLI would take too long."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from infra.ops import stacks
from infra.ops.environment import backend_folder, engine_environment
from infra.ops.stacks import Stack

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a value that isn't plain, such as an encrypted secret."""


def latest(stack: Stack) -> Mapping[str, Any] | None:
    """The deployment that the last update left: empty before the first; None for a backend that is no folder."""
    folder = backend_folder(engine_environment(stack))
    if folder is None:
        return None
    plain = folder / ".pulumi" / "stacks" / stacks.project_name() / f"{stack.name}.json"
    packed = plain.with_name(plain.name + ".gz")
    try:
        content = json.loads(gzip.decompress(packed.read_bytes()) if packed.is_file() else plain.read_bytes())
        found: Mapping[str, Any] = content["checkpoint"]["latest"] or {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # No state yet, or one that the engine itself will complain about.
    return found


def secret_outputs(deployment: Mapping[str, Any]) -> frozenset[str]:
    """The names of the stack's outputs that are secrets."""
    resources = deployment.get("resources") or []
    outputs = next((each.get("outputs") or {} for each in resources if each.get("type") == "pulumi:pulumi:Stack"), {})
    return frozenset(name for name, value in outputs.items() if isinstance(value, dict) and _SIGNATURE in value)
