"""A stack's outputs: the same names on every target."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import UserError
from infra.ops import checkpoint, passphrase, stacks
from infra.ops.engine import capture
from infra.ops.stacks import Stack
from infra.ops.typed import typed

REDACTED = "[secret]"
_FOR_CHECKS = {"internal_queue_token": "INTERNAL_QUEUE_TOKEN", "realtime_key": "REVERB_APP_KEY"}
"""The outputs that the checks need and that are secrets, and the variables in which a worker has them."""


@dataclass(frozen=True)
class Outputs:
    """What the stack exports. `public` has no secret in it; `secret` holds only those."""

    public: Mapping[str, Any]
    secret: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stack: str = stacks.DEFAULT

    def text(self, name: str) -> str:
        """An output that every environment has. Raises `UserError` where it is not there yet."""
        value = self.secret.get(name, self.public.get(name))
        if value in (None, "", REDACTED):
            raise UserError(
                f"Stack {self.stack} has no output {name!r}, so it is not up. "
                f"To bring it up, type: {typed(f'up -s {self.stack}')}"
            )
        return str(value)


def read(stack: Stack, *, secrets: bool = False) -> Outputs:
    """The stack's outputs as its last update left them."""
    if not secrets:
        return Outputs(_without(REDACTED, _ask(stack)), {}, stack.name)
    deployment = checkpoint.latest(stack)
    if deployment is not None:
        shown = _shown(stack, deployment)
        hidden = checkpoint.secret_outputs(deployment)
    else:
        with ThreadPoolExecutor(2) as pool:
            shown, public = pool.map(lambda options: _ask(stack, *options), (["--show-secrets"], []))
        hidden = frozenset(name for name, value in shown.items() if public.get(name) != value)
    return Outputs(
        {name: value for name, value in shown.items() if name not in hidden},
        {name: value for name, value in shown.items() if name in hidden},
        stack.name,
    )


def read_for_checks(stack: Stack) -> Outputs:
    """The outputs, of whose secrets only those that the checks need are wanted.

    On this machine a process of the app has these, and to derive the key of the state's secrets would take 0.2 s.
    """
    deployment, found = checkpoint.latest(stack), _of_worker(stack) if stack.local else None
    if deployment is None or found is None:
        return read(stack, secrets=True)
    hidden = checkpoint.secret_outputs(deployment)
    public = {name: value for name, value in checkpoint.outputs(deployment).items() if name not in hidden}
    return Outputs(public, found, stack.name)


def certificate(outputs: Outputs) -> str | None:
    """The gateway's own authority as PEM text, where it has one; the output is the text or the file that holds it."""
    value = str(outputs.public.get("ca_certificate") or "")
    if not value.startswith("/"):
        return value or None
    try:
        return Path(value).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The gateway's certificate {value} can't be read: {error}.") from None


def _of_worker(stack: Stack) -> Mapping[str, str] | None:
    """The checks' secrets as the newest worker that was accepted has them; None where there is none."""
    from infra.ops.app_command import accepted_worker

    try:
        variables = accepted_worker(stack.name).environment
        return {name: variables[variable] for name, variable in _FOR_CHECKS.items()}
    except (UserError, KeyError):
        return None


def _shown(stack: Stack, deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs with their secrets, by the CLI where this process can't open them."""
    try:
        opened: dict[str, Any] = passphrase.opened(stack, deployment, checkpoint.outputs(deployment))
    except passphrase.NotOpened:
        return _ask(stack, "--show-secrets")
    return opened


def _ask(stack: Stack, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capture(stack, ["stack", "output", "--json", *options]) or "{}")
    return found


def _without(unwanted: Any, outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outputs.items() if value != unwanted}
