"""Redis 7 or newer (Debian 13 has 8): the one on PATH, else Debian's or Ubuntu's own package, unpacked into the cache.

Nothing is installed and no daemon is started: the server's program is in `redis-tools`, and `dpkg -x` needs no root.
Package lists that are missing or old are fetched beside it, so an ordinary user needs nobody's help.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision import debian
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, as_root, run

_PACKAGES = ("redis-tools", "liblzf1", "libjemalloc2")
_OLDEST = 7


class Redis:
    """redis-server."""

    name = "Redis 7"

    def ready(self, context: Context) -> bool:
        """Whether one is unpacked, or on PATH."""
        return self._folder(context).exists() or _on_path() is not None

    def make(self, context: Context) -> None:
        """Take the distribution's package."""
        command = as_root("apt-get install redis-server")
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise PartError(
                "there is no redis-server on PATH, and no apt-get to take it from",
                f"{command}   (or what this system has)",
            )
        try:
            make_once(self._folder(context), lambda folder: _build(context, folder), lambda: context.waiting(self.name))
        except (CommandFailed, OSError) as error:
            raise PartError(f"apt-get could not fetch it:\n{error}", command) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program and the folder of its libraries."""
        folder = self._folder(context)
        if not folder.exists():
            program = _on_path()
            return {"redis_server": str(program), "redis_library_path": None} if program else {}
        return {"redis_server": str(folder / "bin" / "redis-server"), "redis_library_path": str(folder / "lib")}

    @staticmethod
    def _folder(context: Context) -> Path:
        return context.cache / f"redis-{debian.distribution()}"


def redis_version(program: Path, libraries: Path | None = None) -> str | None:
    """The version of a redis-server, or None where it does not run."""
    environment = {**os.environ, **({"LD_LIBRARY_PATH": str(libraries)} if libraries else {})}
    try:
        said = subprocess.run(
            [program, "--version"], check=True, capture_output=True, text=True, env=environment, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"v=(\d+\.\d+\.\d+)", said)
    return found.group(1) if found else None


def _on_path() -> Path | None:
    found = shutil.which("redis-server")
    version = redis_version(Path(found)) if found else None
    return Path(found) if found and version and int(version.split(".")[0]) >= _OLDEST else None


def _build(context: Context, folder: Path) -> None:
    apt = debian.fetch(context, Redis.name, folder, _PACKAGES)
    _unpack(folder)
    version = redis_version(folder / "bin" / "redis-server", folder / "lib")
    if version is None:  # A machine with very little on it: what redis-tools depends on is not there either.
        run([*apt, "download", *debian.missing_dependencies(apt, "redis-tools", _PACKAGES)], cwd=folder)
        _unpack(folder)
        version = redis_version(folder / "bin" / "redis-server", folder / "lib")
    shutil.rmtree(folder / "apt", ignore_errors=True)
    if version is None or int(version.split(".")[0]) < _OLDEST:
        raise PartError(
            f"this system's package has Redis {version or 'that does not run'}, and Pitchbar needs {_OLDEST} or newer",
            "see https://redis.io/docs/latest/operate/oss_and_stack/install/ for a newer one, then: make setup",
        )


def _unpack(folder: Path) -> None:
    debian.unpack(folder, "redis-*")
    # One program with three names: it looks at the one that it was called by.
    (folder / "bin" / "redis-server").unlink(missing_ok=True)
    (folder / "bin" / "redis-server").symlink_to("redis-check-rdb")
