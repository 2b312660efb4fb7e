"""Debian's and Ubuntu's own packages: unpacked into the cache, which takes no root, or (`install`) installed by root.

Package lists that are missing or old are fetched beside what is unpacked, so an ordinary user needs nobody's help.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from tools.provision.context import Context
from tools.provision.execute import CommandFailed, run


def fetch(context: Context, part: str, folder: Path, packages: Sequence[str]) -> list[str]:
    """Download with the system's package lists; where these are missing or old, with fresh ones of our own."""
    try:
        run(["apt-get", "download", *packages], cwd=folder)
        return ["apt-get"]
    except CommandFailed:
        context.progress.say(part, "fetching fresh package lists")
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


def install(context: Context, part: str, package: str) -> None:
    """Install a package and what it depends on; waits for another that installs. Raises `CommandFailed`."""
    quietly = {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends", package]
    context.progress.say(part, f"apt-get install {package}")
    try:
        run(command, env=quietly)
    except CommandFailed:
        run(["apt-get", "update"], env=quietly)
        run(command, env=quietly)


def unpack(folder: Path, programs: str) -> None:
    """Unpack the packages in a folder: programs that fit a pattern to ``bin``, libraries to ``lib``."""
    packages, system = [*folder.glob("*.deb")], folder / "system"
    for package in packages:
        run(["dpkg", "-x", str(package), str(system)])
        package.unlink()
    for name in ("bin", "lib"):
        (folder / name).mkdir(exist_ok=True)
    for library in [*system.glob("usr/lib/*/*.so.*"), *system.glob("lib/*/*.so.*")]:
        library.rename(folder / "lib" / library.name)
    for program in system.glob(f"usr/bin/{programs}"):
        program.rename(folder / "bin" / program.name)
    shutil.rmtree(system)


def missing_dependencies(apt: Sequence[str], package: str, fetched: Collection[str]) -> list[str]:
    """The libraries that a package needs and that are neither installed nor fetched."""
    listed = run(["apt-cache", *apt[1:], "depends", package])
    names = re.findall(r"^\s*\|?Depends: (lib[\w.+-]+)$", listed, re.MULTILINE)
    return [name for name in names if name not in {"libc6", *fetched} and not _installed(name)]


def _installed(package: str) -> bool:
    return subprocess.run(["dpkg", "-s", package], check=False, capture_output=True).returncode == 0


def distribution() -> str:
    """The system's name and version, for a folder's name: what is unpacked fits this one only."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "unknown"
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    return f"{facts.get('ID', 'unknown')}-{facts.get('VERSION_ID', '')}".replace('"', "")
