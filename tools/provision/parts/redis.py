"""Redis 7: the one on PATH, else Debian's or Ubuntu's own package, unpacked into the cache.

Nothing is installed and no daemon is started: the server's program is in `redis-tools`, and `dpkg -x` needs no root.
Package lists that are missing or old are fetched beside it, so an ordinary user needs nobody's help.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.building import make_once
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
        return context.cache / f"redis-{_distribution()}"


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
    apt = _fetch(context, folder, _PACKAGES)
    _unpack(folder)
    version = redis_version(folder / "bin" / "redis-server", folder / "lib")
    if version is None:  # A machine with very little on it: what redis-tools depends on is not there either.
        run([*apt, "download", *_missing_dependencies(apt)], cwd=folder)
        _unpack(folder)
        version = redis_version(folder / "bin" / "redis-server", folder / "lib")
    shutil.rmtree(folder / "apt", ignore_errors=True)
    if version is None or int(version.split(".")[0]) < _OLDEST:
        raise PartError(
            f"this system's package has Redis {version or 'that does not run'}, and Pitchbar needs {_OLDEST} or newer",
            "see https://redis.io/docs/latest/operate/oss_and_stack/install/ for a newer one, then: make setup",
        )


def _fetch(context: Context, folder: Path, packages: Sequence[str]) -> list[str]:
    """Download with the system's package lists; where these are missing or old, with fresh ones of our own."""
    try:
        run(["apt-get", "download", *packages], cwd=folder)
        return ["apt-get"]
    except CommandFailed:
        context.progress.say(Redis.name, "fetching fresh package lists")
    apt = ["apt-get", *_private_state(folder / "apt")]
    run([*apt, "update"])
    run([*apt, "download", *packages], cwd=folder)
    return apt


def _private_state(folder: Path) -> list[str]:
    """Have apt keep its lists and caches here. What is installed it still reads from the system."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    options = {"Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache", "APT::Sandbox::User": "root"}
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _unpack(folder: Path) -> None:
    packages, system = [*folder.glob("*.deb")], folder / "system"
    for package in packages:
        run(["dpkg", "-x", str(package), str(system)])
        package.unlink()
    for name in ("bin", "lib"):
        (folder / name).mkdir(exist_ok=True)
    for library in [*system.glob("usr/lib/*/*.so.*"), *system.glob("lib/*/*.so.*")]:
        library.rename(folder / "lib" / library.name)
    for program in system.glob("usr/bin/redis-*"):
        program.rename(folder / "bin" / program.name)
    # One program with three names: it looks at the one that it was called by.
    (folder / "bin" / "redis-server").unlink(missing_ok=True)
    (folder / "bin" / "redis-server").symlink_to("redis-check-rdb")
    shutil.rmtree(system)


def _missing_dependencies(apt: Sequence[str]) -> list[str]:
    listed = run(["apt-cache", *apt[1:], "depends", "redis-tools"])
    names = re.findall(r"^\s*\|?Depends: (lib[\w.+-]+)$", listed, re.MULTILINE)
    return [name for name in names if name not in {"libc6", *_PACKAGES} and not _installed(name)]


def _installed(package: str) -> bool:
    return subprocess.run(["dpkg", "-s", package], check=False, capture_output=True).returncode == 0


def _distribution() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "unknown"
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    return f"{facts.get('ID', 'unknown')}-{facts.get('VERSION_ID', '')}".replace('"', "")
