"""A stack's outputs: the same names on every target."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import UserError
from infra.ops import stacks
from infra.ops.engine import capture
from infra.ops.stacks import Stack
from infra.ops.typed import typed

REDACTED = "[secret]"


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
    commands = [["stack", "output", "--json"], *([["stack", "output", "--json", "--show-secrets"]] if secrets else [])]
    with ThreadPoolExecutor(len(commands)) as pool:
        public, *shown = pool.map(lambda command: json.loads(capture(stack, command) or "{}"), commands)
    hidden = {name: value for name, value in shown[0].items() if _is_secret(public.get(name), value)} if shown else {}
    return Outputs({name: value for name, value in public.items() if value != REDACTED}, hidden, stack.name)


def certificate(outputs: Outputs) -> str | None:
    """The gateway's own authority as PEM text, where it has one; the output is the text or the file that holds it."""
    value = str(outputs.public.get("ca_certificate") or "")
    if not value.startswith("/"):
        return value or None
    try:
        return Path(value).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The gateway's certificate {value} can't be read: {error}.") from None


def _is_secret(public: Any, value: Any) -> bool:
    return bool(public != value)
