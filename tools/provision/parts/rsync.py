"""rsync, with which Barman restores."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, as_root, run

_PACKAGES = ("rsync", "libpopt0")


class Rsync:
    """The one on PATH, else the distribution's own package, unpacked into the cache."""

    name = "rsync"

    def ready(self, context: Context) -> bool:
        """Whether one is unpacked, or on PATH."""
        return self._folder(context).exists() or shutil.which("rsync") is not None

    def make(self, context: Context) -> None:
        """Take the distribution's package."""
        command = as_root("apt-get install rsync")
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise PartError(
                "there is no rsync on PATH, and no apt-get to take it from", f"{command}   (or what this system has)"
            )
        try:
            make_once(
                self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
            )
        except (CommandFailed, OSError) as error:
            raise PartError(f"apt-get could not fetch it:\n{error}", command) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program; an unpacked one is a script that tells it where its libraries are."""
        folder = self._folder(context)
        program = folder / "rsync" if folder.exists() else shutil.which("rsync")
        return {"rsync": str(program)} if program else {}

    def _build(self, context: Context, folder: Path) -> None:
        apt = debian.fetch(context, self.name, folder, _PACKAGES)
        debian.unpack(folder, "rsync")
        script = folder / "rsync"
        script.write_text(_SCRIPT)
        script.chmod(0o755)
        try:
            run([str(script), "--version"], timeout=30)
        except CommandFailed:  # A machine with very little on it: what it depends on is not there either.
            run([*apt, "download", *debian.missing_dependencies(apt, "rsync", _PACKAGES)], cwd=folder)
            debian.unpack(folder, "rsync")
            run([str(script), "--version"], timeout=30)
        shutil.rmtree(folder / "apt", ignore_errors=True)

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"rsync-{debian.distribution()}"


_SCRIPT = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/lib exec "$here/bin/rsync" "$@"
"""
