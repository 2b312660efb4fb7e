"""A release's Alembic revisions, read from their files without running them, and which schema its code can run on.

A revision says by ``phase`` what it does to code that doesn't know it (the expand/contract pattern): ``expand`` only
adds, so earlier releases run on; ``contract`` takes away or changes what an earlier release may still use.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError

PHASES = ("expand", "contract")
_VERSIONS = Path("pitchbar_app", "migrations", "versions")
_TAKES_AWAY = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|TYPE|VIEW)|RENAME\s+(TO|COLUMN)|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE"
    r"|TRUNCATE)\b|\bop\.(drop_table|drop_column|rename_table|alter_column)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Revision:
    """One migration."""

    id: str
    phase: str


def revisions(source: Path) -> tuple[Revision, ...]:
    """The revisions of the app in ``source``, the oldest first.

    Raises :class:`UserError` with every mistake at once: no or several heads, a revision without its phase, one that
    says ``expand`` and takes something away.
    """
    files = [_read(path) for path in sorted((source / _VERSIONS).glob("*.py"))]
    problems = [problem for file in files for problem in file.problems()]
    if problems:
        raise UserError("The app's migrations can't be released:", problems)
    return tuple(Revision(file.revision, file.phase) for file in _in_order(files))


def reachable_from(known: Sequence[str], others: Iterable[Sequence[Revision]]) -> frozenset[str]:
    """The newer revisions on which code that knows ``known`` can run.

    ``others``: the revisions of other releases. From the newest known one on, each revision that only expands is safe;
    the first that contracts ends the range.
    """
    safe: set[str] = set()
    for chain in others:
        ids = [revision.id for revision in chain]
        if not known or ids[: len(known)] != list(known):
            continue
        for revision in chain[len(known) :]:
            if revision.phase != "expand":
                break
            safe.add(revision.id)
    return frozenset(safe)


@dataclass(frozen=True)
class _File:
    name: str
    revision: str
    down_revision: str
    phase: str
    upgrade: str

    def problems(self) -> list[str]:
        if self.phase not in PHASES:
            return [f'{self.name}: say what it does to earlier releases: phase = "expand" or phase = "contract".']
        found = _TAKES_AWAY.search(self.upgrade)
        if self.phase == "expand" and found:
            return [
                f'{self.name}: says phase = "expand", but its upgrade() has "{found[0]}", which earlier releases may '
                'not survive. Do it in a release after the one that stopped using it, with phase = "contract".'
            ]
        return []


def _read(path: Path) -> _File:
    text = path.read_text(encoding="utf-8")
    found = {"revision": "", "down_revision": "", "phase": ""}
    upgrade = ""
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in found and isinstance(value, ast.Constant):
            found[target.id] = str(value.value or "")
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade":
            upgrade = ast.get_source_segment(text, node) or ""
    return _File(path.name, found["revision"], found["down_revision"], found["phase"], upgrade)


def _in_order(files: Sequence[_File]) -> list[_File]:
    following = {file.down_revision: file for file in files}
    ordered: list[_File] = []
    while file := following.get(ordered[-1].revision if ordered else ""):
        ordered.append(file)
    if not files or len(ordered) != len(files):
        names = ", ".join(file.name for file in files if file not in ordered) or "none"
        raise UserError(
            "The app's migrations must be one line from the first to the head. "
            f"Not on it: {names}. Set down_revision of each to the one before it."
        )
    return ordered
