"""`pitchbar audit-vectors`: whether the vector store holds what the chunks' table says, and its repair."""

import json
from collections.abc import Mapping
from typing import Any

from infra.errors import UserError
from infra.ops.app_command import app_command
from infra.ops.console import Console, document
from infra.ops.stacks import known
from infra.ops.typed import typed

_SECONDS = 3600.0
_DRIFT = 1
"""The exit code of the app's command where something does not agree."""


def audit(name: str, console: Console, *, repair: bool) -> int:
    """Compare, repair if asked, show what was found; the exit code is 1 for a drift that is left as it is.

    Raises `UserError` where it can't be found out.
    """
    found = _ask(known(name).name, repair)
    if console.json:
        document({"stack": name, **found})
    console.say(_sentence(name, found))
    return 0 if found["clean"] or repair else 1


def _ask(stack: str, repair: bool) -> Mapping[str, Any]:
    arguments = ("audit-vectors", "--json", *(("--repair",) if repair else ()))
    what = f"The audit of the vectors of stack {stack}"
    output = app_command(stack, *arguments, what=what, timeout=_SECONDS, good=(0, _DRIFT))
    last = next(iter(output.splitlines()[-1:]), "")
    try:
        found = json.loads(last)
        return {**found, "clean": bool(found["clean"])}
    except (ValueError, TypeError, KeyError):
        raise UserError(
            f"{what} did not come to an end: {last or 'it printed nothing'}. "
            f"To see what is wrong, type: {typed(f'status -s {stack}')}"
        ) from None


def _sentence(stack: str, found: Mapping[str, Any]) -> str:
    if found["clean"]:
        return f"All {found['chunks']} chunks have their vector, and there is no other vector."
    missing, stale, orphaned, documents = (len(found[name]) for name in ("missing", "stale", "orphaned", "documents"))
    drift = (
        f"Of {found['chunks']} chunks {missing} have no vector and {stale} an outdated one; "
        f"{orphaned} vectors belong to no chunk."
    )
    if found["repaired"]:
        again = typed(f"audit-vectors -s {stack}")
        return (
            f"{drift} {documents} documents were sent to be indexed again, the others were removed. "
            f"To see what came of it, type: {again}"
        )
    return f"{drift} To repair this, type: {typed(f'audit-vectors --repair -s {stack}')}"
