"""A release is identified by its content: the app's package and the lock of its dependencies."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from infra.errors import UserError

PACKAGE = "pitchbar_app"
LOCK = "requirements.txt"
_VERSIONS = Path(PACKAGE, "migrations", "versions")


def files(source: Path) -> Iterator[Path]:
    """The files of a release in ``source`` (the folder ``app/``), sorted; caches and hidden files are not part of
    it."""
    package = source / PACKAGE
    for path in sorted((source / LOCK, *package.rglob("*"))):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(source).parts)
        if path.is_file() and not hidden:
            yield path


def release_id(source: Path) -> str:
    """The release's id: 12 hexadecimal digits of the SHA-256 over each file's path, size and bytes.

    Raises :class:`UserError` when ``source`` holds no app.
    """
    if not (source / PACKAGE).is_dir() or not (source / LOCK).is_file():
        raise UserError(
            f"{source} holds no app: it needs the package {PACKAGE}/ and {LOCK}. Run this in a whole checkout."
        )
    digest = hashlib.sha256()
    for path in files(source):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def migration_head(source: Path) -> str:
    """The Alembic revision that no other one follows, read from the version files without running them.

    Raises :class:`UserError` when there are none or several.
    """
    pairs = [_revisions(path) for path in sorted((source / _VERSIONS).glob("*.py"))]
    followed = {down for _, down in pairs}
    heads = sorted(revision for revision, _ in pairs if revision and revision not in followed)
    if len(heads) != 1:
        raise UserError(
            f"The app's migrations have {len(heads)} heads ({', '.join(heads) or 'none'}) and must have one. "
            "Join them with `alembic merge heads`."
        )
    return heads[0]


def _revisions(path: Path) -> tuple[str, str]:
    found = {"revision": "", "down_revision": ""}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in found and isinstance(value, ast.Constant):
            found[target.id] = str(value.value or "")
    return found["revision"], found["down_revision"]
