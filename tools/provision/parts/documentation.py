"""Real documentation pages for the test that crawls a whole site: npm's own manual, as npm packs it."""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.node import Node, npm, program

_PACKAGE = "npm@2.15.12"
"""Only read, never run: among npm's versions the last whose package has more than a hundred pages of HTML."""
_INTEGRITY = "WMoAJ518W0vHjWy1abYnTeyG9YQpSoYGPxAx7d0C0L7U7Jo44bZsrvTjccmDohCJGxpasdKfqsKsl6o/RUPx6A=="
"""The package's SHA-512 in base64, as npm's lock files write it."""
_PAGES = "package/html/"


class Documentation:
    """109 pages of HTML that link to each other, from the package registry."""

    name = "Documentation pages"

    def ready(self, context: Context) -> bool:
        """Whether nobody wants them, or they are unpacked."""
        return not context.dev or self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Fetch the package, check it against its hash, unpack the pages."""
        context.wait_for(Node.name)
        make_once(self._folder(context), lambda folder: _build(context, folder), lambda: context.waiting(self.name))

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The folder to serve; its first page is `doc/index.html`."""
        folder = self._folder(context)
        return {"documentation": str(folder)} if folder.exists() else {}

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"documentation-{_PACKAGE}-{hashlib.sha256(_INTEGRITY.encode()).hexdigest()[:8]}"


def _build(context: Context, folder: Path) -> None:
    node, again = program(context), "make setup-dev   (again, when that is mended)"
    path = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    try:
        run([*npm(node), "pack", "--silent", "--ignore-scripts", _PACKAGE], cwd=folder, env=path)
    except CommandFailed as error:
        raise PartError(f"npm could not fetch {_PACKAGE}:\n{error}", again) from None
    [package] = folder.glob("*.tgz")
    unpack(package, folder)
    package.unlink()


def unpack(package: Path, folder: Path) -> None:
    """Unpack the pages of a package into `folder`. Raises `PartError` where it is not the package that is meant."""
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != _INTEGRITY:
        raise PartError(f"the registry's {_PACKAGE} has the SHA-512 {found}, not {_INTEGRITY}", "make setup-dev")
    with tarfile.open(package) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.startswith(_PAGES) else None
            if content is not None:
                path = folder / member.name.removeprefix(_PAGES)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
