"""`pitchbar down`: take an environment down and leave nothing of it."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra import paths
from infra.errors import UserError
from infra.ops import events, stacks
from infra.ops.console import Console
from infra.ops.engine import Outcome, capture
from infra.ops.environment import backend_folder, engine_environment
from infra.ops.heal import heal
from infra.ops.making import exists, forget
from infra.ops.stacks import Stack
from infra.ops.turn import turn
from infra.ops.typed import in_shell, typed
from infra.ops.up import INTERRUPTED, must_be_able_to_ask, sentence, update


@dataclass(frozen=True)
class Report:
    """How a `down` ended. `result`: removed, absent (there was nothing), failed, interrupted or declined."""

    stack: str
    result: str
    seconds: float
    changes: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return {"removed": 0, "absent": 0, "interrupted": INTERRUPTED}.get(self.result, 1)

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "stack": self.stack,
            "result": self.result,
            "seconds": round(self.seconds, 2),
            "changes": dict(self.changes),
            "error": self.error,
        }


def down(name: str, console: Console, *, yes: bool = False, wait: bool = True) -> Report:
    """Destroy the stack's resources, then the stack, then what this checkout keeps for it; any of them may be gone."""
    started = time.monotonic()
    stack = stacks.find(name) or _half_made(name)
    if stack is None:
        return Report(name, "absent", time.monotonic() - started)
    _must_not_be_protected(stack)
    must_be_able_to_ask(yes, console, typed(f"down -s {name} --yes"))
    record = events.Record({}, ())
    with turn(name, f"pitchbar down -s {name}", console, wait=wait):
        heal(stack, console, wait=wait)
        there = exists(stack)
        if there:
            outcome, record = update(stack, _arguments(yes), console, wait=wait)
            if outcome.code != 0:
                return _failed(stack, outcome, record, time.monotonic() - started)
            capture(stack, ["stack", "rm", name, "--yes", "--preserve-config", "--remove-backups"])
        if stack.local:
            _sweep(stack)
    return Report(name, "removed" if there or stack.local else "absent", time.monotonic() - started, record.changes)


def _must_not_be_protected(stack: Stack) -> None:
    """Raise `UserError` for a stack on AWS whose environment is protected: half of it would be gone before the engine
    met the first thing that it may not delete."""
    if not stacks.is_on_aws(stack):
        return
    from infra.load import environment, load

    name = stacks.settings(stack).get("environment", stack.name)
    if environment(load(), name).protect:
        raise UserError(
            f"Stack {stack.name} is protected: its database, files, keys and backups can't be deleted, neither here "
            f"nor on AWS. If they must be: set `protect: false` for {name} in infra/cloud.yaml, lift the protection "
            f"with {typed(f'up -s {stack.name}')}, then type: {typed(f'down -s {stack.name}')}"
        )


def _arguments(yes: bool) -> list[str]:
    colour = ["--color", "never"] if os.environ.get("NO_COLOR") else []
    return ["destroy", *(["--yes", "--skip-preview"] if yes else []), *colour]


def _half_made(name: str) -> Stack | None:
    """A local stack of which only parts are there: its making was interrupted, or somebody removed files."""
    stack = Stack(name, True, paths.stack_config_file(name))
    parts = (paths.passphrase_file(name), paths.environment_dir(name))
    in_state = backend_folder(engine_environment(stack)) is not None and exists(stack)
    return stack if in_state or any(part.exists() for part in parts) else None


def _sweep(stack: Stack) -> None:
    """Remove what is left of a local stack once its state is gone; usually two files."""
    directory = paths.environment_dir(stack.name)
    if directory.is_dir():
        from infra.provider.local.supervisor import State, SupervisorResource

        SupervisorResource().delete(directory.name, State(str(directory)))
    forget(stack)


def _failed(stack: Stack, outcome: Outcome, record: events.Record, seconds: float) -> Report:
    error = sentence(outcome, record, "pulumi destroy")
    if record.only_previewed:
        return Report(stack.name, "declined", seconds, error=error)
    again = typed(f"down -s {stack.name}")
    if "protect" in error:
        error += f"\nTo lift the protection, type: {in_shell(stack.name, 'pulumi state unprotect --all')}"
    interrupted = outcome.interrupted or record.cancelled
    if not interrupted:
        error += f"\nThe rest of stack {stack.name} is still there. To go on, type: {again}"
    return Report(stack.name, "interrupted" if interrupted else "failed", seconds, record.changes, error)
