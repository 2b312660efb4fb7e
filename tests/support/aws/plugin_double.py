"""The plugin ``pitchbar`` whose resources of AWS reach nothing: everything else of it is the real one.

    python -m tests.support.aws.plugin_double JOURNAL

Each effect is a line of JSON in the file JOURNAL. While a file JOURNAL.refuse names a type token, that type's effects
fail with a sentence.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty

from infra.errors import UserError
from infra.provider import plugin, server
from infra.provider.base import extend
from infra.provider.marshal import fields_of

AWS = "pitchbar:aws:"
JOURNAL = Path(sys.argv[1] if len(sys.argv) > 1 else "/dev/null")


def double(token: str, real: Any) -> type[Any]:
    """A class like the real one: same inputs, same state, same comparison, no effect."""

    def note(operation: str) -> None:
        with JOURNAL.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps([operation, token]) + "\n")
        refused = JOURNAL.with_name(f"{JOURNAL.name}.refuse")
        if refused.exists() and token == refused.read_text(encoding="utf-8"):
            raise UserError(f"The double of {token} refuses. Take the file away.")

    def made(inputs: Any) -> Any:
        computed = fields_of(real.state).keys() - fields_of(real.inputs).keys()
        kinds = {name: fields_of(real.state)[name][1] for name in computed}
        plausible: dict[Any, Any] = {str: "double", int: 1, bool: True}
        return extend(real.state, inputs, **{name: plausible.get(kind, {}) for name, kind in kinds.items()})

    class Double(real):  # type: ignore[misc]
        def check(self, inputs: Any) -> dict[str, str]:
            return {}

        def create(self, inputs: Any) -> tuple[str, Any]:
            note("create")
            return "double", made(inputs)

        def read(self, id: str, state: Any) -> Any:
            return state

        def update(self, id: str, state: Any, inputs: Any) -> Any:
            note("update")
            return made(inputs)

        def delete(self, id: str, state: Any) -> None:
            note("delete")

    return Double


_real = plugin.resource_of


def resource_of(token: str) -> Any:
    """The real resource, or the double of one of AWS's."""
    own = token.rpartition("$")[2]
    found = _real(token)
    return double(own, type(found))() if own.startswith(AWS) else found


async def attach(servicer: Any, request: Any, context: Any) -> Empty:
    """Be attached to an engine that did not start this process, which the library's server doesn't know."""
    return Empty()


if __name__ == "__main__":
    plugin.resource_of = resource_of
    setattr(server.Servicer, "Attach", attach)  # noqa: B010 (mypy knows another signature)
    asyncio.run(server.serve("127.0.0.1:1"))
