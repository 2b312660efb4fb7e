"""Barman 3, which backs PostgreSQL up, from the Python package index; and rsync, which it restores with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra import toolchain
from infra.building import make_once
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, as_root, run
from tools.provision.parts.packages import PACKAGES
from tools.provision.wheels import install, lock_file

_PACKAGES = ("rsync", "libpopt0")


class Barman:
    """Barman in a virtual environment of its own, because it shares no dependency with the platform."""

    name = "Barman 3"

    def ready(self, context: Context) -> bool:
        """Whether this lock's environment is there."""
        return self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Install the lock, with hashes."""
        context.wait_for(PACKAGES)
        try:
            make_once(
                self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
            )
        except CommandFailed as error:
            raise PartError(
                f"pip could not install tools/locks/barman.txt:\n{error}",
                "make setup   (again, when that is mended)",
            ) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The Python that has it."""
        return {"barman": str(self._folder(context) / "bin" / "python")} if self.ready(context) else {}

    @staticmethod
    def _build(context: Context, folder: Path) -> None:
        # Without looking at dependencies: psycopg2-binary is in the place of psycopg2, which needs a compiler.
        install(context, "barman", folder, "--no-deps")
        run([str(folder / "bin" / "python"), "-m", "barman.cli", "--version"], timeout=30)

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"barman-{toolchain.app_environment(lock_file(context, 'barman')).name}"


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
