"""`pitchbar up`: bring an environment up to date, and count it as up only when it works from outside."""

import importlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from infra.errors import UserError
from infra.ops import checkpoint, events, outputs
from infra.ops.console import Console
from infra.ops.engine import EngineError, Outcome, run
from infra.ops.heal import heal
from infra.ops.making import Wish, ensure
from infra.ops.outputs import Outputs
from infra.ops.pin import pin
from infra.ops.stacks import Stack
from infra.ops.turn import turn
from infra.ops.typed import in_shell, typed

if TYPE_CHECKING:
    from infra.ops.verify import Verdict

INTERRUPTED = 130
LOCKED = "the stack is currently locked"
"""How the engine begins to refuse a stack that another engine works on."""

_TRIES = 5


@dataclass(frozen=True)
class Request:
    """What `pitchbar up` was asked for. ``command``: what was typed, where it was another command."""

    wish: Wish
    release: str | None = None
    yes: bool = False
    wait: bool = True
    command: str = ""

    @property
    def again(self) -> str:
        """What to type for the same once more."""
        options = {
            "environment": self.wish.environment,
            "target": self.wish.target,
            "release": self.release,
        }
        given = "".join(f" --{name} {value}" for name, value in options.items() if value)
        return typed(self.command or f"up -s {self.wish.name}{given}")


@dataclass(frozen=True)
class Report:
    """How an `up` ended: succeeded, failed, interrupted, declined, or unverified (updated, but does not work)."""

    stack: Stack
    result: str
    seconds: float
    changes: Mapping[str, int] = field(default_factory=dict)
    outputs: Outputs | None = None
    verdict: Optional["Verdict"] = None
    error: str | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return {"succeeded": 0, "interrupted": INTERRUPTED}.get(self.result, 1)

    def document(self) -> dict[str, Any]:
        """The report for programs; secrets are not in it."""
        return {
            "stack": self.stack.name,
            "result": self.result,
            "seconds": round(self.seconds, 2),
            "changes": dict(self.changes),
            "outputs": dict(self.outputs.public) if self.outputs else {},
            "verification": self.verdict.document() if self.verdict else None,
            "error": self.error,
        }


def up(request: Request, console: Console) -> Report:
    """Make the stack if it is new, heal what a killed update left, update, verify."""
    started = time.monotonic()
    must_be_able_to_ask(request.yes, console, f"{request.again} --yes")
    name = request.wish.name
    with turn(name, f"pitchbar up -s {name}", console, wait=request.wait):
        stack = ensure(request.wish, console)
        heal(stack, console, wait=request.wait)
        try:
            pin(stack, request.release)
        except EngineError as refused:
            return _unpinned(stack, refused, time.monotonic() - started)
        threading.Thread(target=importlib.import_module, args=("infra.ops.verify",), daemon=True).start()
        outcome, record = update(stack, _arguments(stack, request.yes), console, wait=request.wait)
        if outcome.code != 0:
            return _failed(stack, outcome, record, time.monotonic() - started)
        from infra.ops.verify import verify

        found = outputs.read_for_checks(stack)
        verdict = verify(found)
    error = None if verdict.ok else _unverified(stack, verdict)
    result = "succeeded" if verdict.ok else "unverified"
    return Report(stack, result, time.monotonic() - started, record.changes, found, verdict, error)


def update(stack: Stack, arguments: list[str], console: Console, *, wait: bool = True) -> tuple[Outcome, events.Record]:
    """Run a command of the engine that changes things; return how it ended and its record.

    An engine that took the stack's lock since :func:`heal` looked, such as the child of a killed `pitchbar`, is waited
    for like one that had it before.
    """
    for _ in range(_TRIES):
        outcome, record = _update(stack, arguments, console)
        if outcome.code == 0 or outcome.interrupted or LOCKED not in outcome.last_words:
            break
        heal(stack, console, wait=wait)
    return outcome, record


def _update(stack: Stack, arguments: list[str], console: Console) -> tuple[Outcome, events.Record]:
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder:
        log = Path(folder, "events.json")
        # The CLI shows --event-log only to those who debug it; it is what its own Automation API uses.
        outcome = run(
            stack,
            [*arguments, "--event-log", str(log)],
            output=console.progress,
            extra={"PULUMI_DEBUG_COMMANDS": "true"},
        )
        return outcome, events.read(log)


def must_be_able_to_ask(yes: bool, console: Console, command: str) -> None:
    """Raise `UserError` where a confirmation is needed and nobody can give one."""
    if yes:
        return
    if console.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(f"This changes things, and there is no terminal to ask on. To confirm, type: {command}")


def sentence(outcome: Outcome, record: events.Record, command: str) -> str:
    """What failed, in its own words."""
    if record.only_previewed:
        return f"`{command}` was not confirmed, so nothing is changed."
    if outcome.interrupted or record.cancelled:
        return f"`{command}` was interrupted; what it had done is in the state."
    if outcome.code < 0:
        return f"`{command}` was killed ({signal.Signals(-outcome.code).name}); what it left half done will be healed."
    if record.failures:
        return "\n".join(_told(failure) for failure in record.failures)
    said = last_words(outcome)
    return f"`{command}` failed: {said}" if said else f"`{command}` ended with exit code {outcome.code}."


def last_words(outcome: Outcome) -> str:
    """What the CLI said at the end on stderr."""
    from infra.ops.engine import own_words

    return own_words(outcome.last_words)


def serving(found: Outputs | None) -> str | None:
    """The release that answers visitors now, or None where none does."""
    import json

    from infra.endpoints import CheckFailed, http_get, url_endpoint

    try:
        address = str((found.public if found else {}).get("app_url") or "")
        authority = outputs.certificate(found) if found else None
        answer = http_get(url_endpoint(address, authority), "/up", timeout=3)
        return str(json.loads(answer.body)["release"]) if answer.status == 200 else None
    except (CheckFailed, UserError, ValueError, KeyError, TypeError):
        return None


def _arguments(stack: Stack, yes: bool) -> list[str]:
    made = checkpoint.latest(stack)
    refresh = [] if made is not None and not made.get("resources") else ["--refresh"]
    colour = ["--color", "never"] if os.environ.get("NO_COLOR") else []
    return ["up", *refresh, *(["--yes", "--skip-preview"] if yes else []), *colour]


def _failed(stack: Stack, outcome: Outcome, record: events.Record, seconds: float) -> Report:
    error = sentence(outcome, record, "pulumi up")
    if record.only_previewed:
        return Report(stack, "declined", seconds, error=error)
    interrupted = outcome.interrupted or record.cancelled
    found = _outputs_if_any(stack)
    goal = "To go on" if interrupted or outcome.code < 0 else "When it is mended"
    result = "interrupted" if interrupted else "failed"
    return Report(stack, result, seconds, record.changes, found, None, _advice(stack, error, found, goal))


def _unpinned(stack: Stack, refused: EngineError, seconds: float) -> Report:
    found = _outputs_if_any(stack)
    error = _advice(stack, str(refused), found, "When it is mended")
    return Report(stack, "failed", seconds, outputs=found, error=error)


def _advice(stack: Stack, error: str, found: Outputs | None, goal: str) -> str:
    """What failed, what serves meanwhile, and what to type."""
    lines = [error, _what_serves(found)]
    if not stack.local and "no stack selected" in error:
        make = in_shell(stack.name, f"pulumi stack init {stack.name}")
        lines.append(f"Stack {stack.name} is not in this backend. To make it there, type: {make}")
    return "\n".join([*lines, f"{goal}, type: {typed(f'up -s {stack.name}')}"])


def _what_serves(found: Outputs | None) -> str:
    release = serving(found)
    address = found.public.get("app_url") if found else None
    if release:
        return f"Release {release} still serves {address}."
    return f"Nothing answers at {address}." if address else "Nothing serves yet."


def _outputs_if_any(stack: Stack) -> Outputs | None:
    try:
        return outputs.read(stack)
    except UserError:
        return None


def _unverified(stack: Stack, verdict: "Verdict") -> str:
    failed = [item for item in verdict.results if not item.ok]
    lines = [f"  {item.name}: {item.detail}" for item in failed]
    return "\n".join(
        [
            f"Release {verdict.release} is up, but {len(failed)} of {len(verdict.results)} checks from outside failed:",
            *lines,
            f"Look into its logs with: {typed(f'logs -s {stack.name}')}",
            f"Check again with: {typed(f'verify -s {stack.name}')}",
        ]
    )


def _told(failure: events.Failure) -> str:
    if not failure.type or failure.type == "pulumi:pulumi:Stack":
        return failure.message
    return f"{failure.name} ({failure.type}): {failure.message}"
