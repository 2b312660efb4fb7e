"""A release is identified by its content: the app's package, the lock of its dependencies, how it is run."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from infra.errors import UserError
from infra.release.runtime import Runtime, to_json

PACKAGE = "pitchbar_app"
LOCK = "requirements.txt"


def files(source: Path) -> Iterator[Path]:
    """The files of a release in ``source`` (the folder ``app/``), sorted; caches and hidden files are not part of
    it."""
    package = source / PACKAGE
    for path in sorted((source / LOCK, *package.rglob("*"))):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(source).parts)
        if path.is_file() and not hidden:
            yield path


def release_id(source: Path, runtime: Runtime) -> str:
    """The release's id: 12 hexadecimal digits of the SHA-256 over each file's path, size and bytes and the runtime
    configuration.

    Raises :class:`UserError` when ``source`` holds no app.
    """
    if not (source / PACKAGE).is_dir() or not (source / LOCK).is_file():
        raise UserError(
            f"{source} holds no app: it needs the package {PACKAGE}/ and {LOCK}. Run this in a whole checkout."
        )
    digest = hashlib.sha256(to_json(runtime).encode())
    for path in files(source):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
