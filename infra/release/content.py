"""A release is identified by its content: the app's package, the lock of its dependencies, how it is run, and how its
image is made."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.errors import UserError
from infra.release.runtime import Runtime, to_json

PACKAGE = "pitchbar_app"
LOCK = "requirements.txt"
RECIPE = "Dockerfile"
LIVE = "working-tree-"
"""How the id of a release begins whose files follow the working tree (`pitchbar dev`)."""


def files(source: Path) -> Iterator[Path]:
    """The files of a release in ``source`` (the folder ``app/``), sorted; caches and hidden files are not part of
    it."""
    package = source / PACKAGE
    for path in sorted((source / LOCK, source / RECIPE, *package.rglob("*"))):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(source).parts)
        if path.is_file() and not hidden:
            yield path


def identify(release: str, source: Path, runtime: Runtime) -> str:
    """The id that ``source`` has as a release of the same kind as ``release``."""
    return live_id(source, runtime) if release.startswith(LIVE) else release_id(source, runtime)


def live_id(source: Path, runtime: Runtime) -> str:
    """The id of a release whose files follow ``source``. It changes with what takes more than a restart: the lock of
    the dependencies, the migrations, the runtime configuration."""
    versions = source / PACKAGE / "migrations" / "versions"
    kept = [path for path in files(source) if path == source / LOCK or path.is_relative_to(versions)]
    return LIVE + _digest(source, runtime, kept)[:8]


def release_id(source: Path, runtime: Runtime) -> str:
    """The release's id: 12 hexadecimal digits of the SHA-256 over each file's path, size and bytes and the runtime
    configuration.

    Raises :class:`UserError` when ``source`` holds no app.
    """
    if not (source / PACKAGE).is_dir() or not (source / LOCK).is_file():
        raise UserError(
            f"{source} holds no app: it needs the package {PACKAGE}/ and {LOCK}. Run this in a whole checkout."
        )
    return _digest(source, runtime, files(source))[:12]


def with_image(release: str, image: str | None) -> str:
    """The id of a release that an image named by the stack runs (``pitchbar:image``): another image is another one."""
    return hashlib.sha256(f"{release} {image}".encode()).hexdigest()[:12] if image else release


def _digest(source: Path, runtime: Runtime, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(to_json(runtime).encode())
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
