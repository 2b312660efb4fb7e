"""Rotating a secret in two explicit updates: `rotate` makes a new value and still accepts the previous one, `retire`
refuses the previous one. Both are a number in the stack's configuration, and an ordinary update."""

from typing import Any

from infra.errors import UserError
from infra.ops import stacks
from infra.ops.engine import capture
from infra.ops.making import write_config
from infra.ops.stacks import Stack
from infra.ops.typed import typed
from infra.stack_config import Rotation, parse_stack_config

_KEY = "rotations"


def rotate(stack: Stack, secret: str) -> Rotation:
    """Have the next update make a new value of the secret.

    Raises `UserError` where the previous value of an earlier rotation isn't retired: only one is kept, so that one
    would be lost, and with an app-key all that is encrypted under it.
    """
    rotations = _rotations(stack)
    current = rotations.get(secret, Rotation(retired=True))
    if not current.retired:
        raise UserError(
            f"The {secret} of stack {stack.name} was rotated already, and its previous value is still accepted. "
            f"Only one previous value is kept, so retire that first: {typed(f'retire {secret} -s {stack.name}')}"
        )
    changed = Rotation(current.version + 1)
    _write(stack, {**rotations, secret: changed})
    return changed


def retire(stack: Stack, secret: str) -> Rotation:
    """Have the next update forget the secret's previous value. Raises `UserError` where there is none."""
    rotations = _rotations(stack)
    current = rotations.get(secret)
    if current is None:
        raise UserError(
            f"The {secret} of stack {stack.name} was not rotated, so there is no previous value to retire. "
            f"To rotate it, type: {typed(f'rotate {secret} -s {stack.name}')}"
        )
    changed = Rotation(current.version, retired=True)
    _write(stack, {**rotations, secret: changed})
    return changed


def put_back(stack: Stack, before: dict[str, Any]) -> None:
    """Take a change back: `before` is what the stack's configuration was."""
    text = (before.get("config") or {}).get(f"pitchbar:{_KEY}")
    if text is None and not stack.local:
        capture(stack, ["config", "rm", f"pitchbar:{_KEY}"])
        return
    _put(stack, text)


def _rotations(stack: Stack) -> dict[str, Rotation]:
    values = {f"pitchbar:{key}": value for key, value in stacks.settings(stack).values.items()}
    return dict(parse_stack_config(values, stack.name).rotations)


def _write(stack: Stack, rotations: dict[str, Rotation]) -> None:
    _put(stack, ",".join(f"{name}:{rotation}" for name, rotation in sorted(rotations.items())))


def _put(stack: Stack, text: str | None) -> None:
    if not stack.local and text is not None:
        capture(stack, ["config", "set", f"pitchbar:{_KEY}", text])
        return
    document = stacks.read_yaml(stack.config_file)
    config = {key: value for key, value in (document.get("config") or {}).items() if key != f"pitchbar:{_KEY}"}
    document["config"] = {**config, **({f"pitchbar:{_KEY}": text} if text is not None else {})}
    write_config(stack.config_file, document)
