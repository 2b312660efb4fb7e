"""Where this machine's tools are: Pulumi's CLI and language host, PostgreSQL, Redis, Caddy, the app's packages.

Set-up (``make setup``) finds or makes them and records what it chose in the cache; this module only looks. It uses the
standard library alone, because set-up itself runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError

SERVICE_USER = "pitchbar"
"""The system user that PostgreSQL, Redis and Caddy run as when Pitchbar is run by root."""

_ROOT_CACHE = Path("/var/cache/pitchbar")


@dataclass(frozen=True)
class Toolchain:
    """The programs that an environment on this machine needs."""

    pulumi: Path
    """The Pulumi CLI."""
    language_host: Path | None
    """The folder to put first on PATH: it holds our ``pulumi-language-python``. None where there is an official one."""
    postgres: Path
    """The folder of PostgreSQL 16 with pgvector: ``bin/postgres``, ``bin/initdb``, ``bin/pg_ctl``, ``bin/psql``."""
    redis_server: Path
    redis_library_path: Path | None
    """What LD_LIBRARY_PATH must be for ``redis_server``; None where it needs nothing."""
    caddy: Path
    barman: Path
    """The Python that has Barman: ``-m barman.cli``."""
    rsync: Path
    node: Path
    cloudflare: Path
    """The folder of Cloudflare's runtime: ``clock.mjs`` and its ``node_modules``."""


def cache_home() -> Path:
    """The folder of every downloaded or built tool, shared by all checkouts of this user."""
    configured = os.environ.get("PITCHBAR_CACHE_HOME")
    if configured:
        return Path(configured).absolute()
    if os.geteuid() == 0:
        return _ROOT_CACHE
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "pitchbar"


def checkout() -> Path:
    """The folder of this checkout."""
    return Path(__file__).resolve().parent.parent


def record_file() -> Path:
    """What set-up chose for this checkout, as JSON: a path or null for each part."""
    return cache_home() / "checkouts" / f"{_digest(os.fsencode(checkout()))}.json"


def recorded() -> Mapping[str, str | None]:
    """The part's paths as set-up recorded them; empty before the first set-up, or where the record can't be read."""
    try:
        content = json.loads(record_file().read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def locate() -> Toolchain:
    """The tools, as set-up found or made them. Raises `UserError` with every missing part at once."""
    record = recorded()
    problems = [problem for problem in (_problem(record, part, label) for part, label in _PARTS.items()) if problem]
    if problems:
        raise UserError("Some tools that Pitchbar needs are missing. To get them, type: make setup", problems)
    return Toolchain(
        pulumi=Path(str(record["pulumi"])),
        language_host=_optional(record.get("language_host")),
        postgres=Path(str(record["postgres"])),
        redis_server=Path(str(record["redis_server"])),
        redis_library_path=_optional(record.get("redis_library_path")),
        caddy=Path(str(record["caddy"])),
        barman=Path(str(record["barman"])),
        rsync=Path(str(record["rsync"])),
        node=Path(str(record["node"])),
        cloudflare=Path(str(record["cloudflare"])),
    )


def app_python(lock: Path) -> Path:
    """The Python that has the dependencies of the app's lock file; `infra.app_environment.ensure` makes it."""
    return app_environment(lock) / "bin" / "python"


def app_environment(lock: Path) -> Path:
    """The virtual environment of an app's lock file: one for each content of the lock and each Python."""
    version = f"{platform.python_implementation()} {platform.python_version()} {platform.machine()} {_base_python()}"
    return cache_home() / "app" / _digest(lock.read_bytes() + version.encode())


_PARTS = {
    "pulumi": "the Pulumi CLI",
    "language_host": "the Python language host of Pulumi",
    "postgres": "PostgreSQL 16",
    "redis_server": "Redis 7",
    "caddy": "Caddy 2",
    "barman": "Barman 3",
    "rsync": "rsync",
    "node": "Node.js 20 or newer",
    "cloudflare": "Cloudflare's runtime",
}


_PROGRAMS = {
    "postgres": "bin/postgres",
    "language_host": "pulumi-language-python",
    "cloudflare": "node_modules/.bin/workerd",
}
"""What a part that is a folder must hold."""


def _problem(record: Mapping[str, str | None], part: str, label: str) -> str | None:
    if part not in record:
        return f"{label}: set-up has not made it yet"
    value = record[part]
    if value is None:
        return None
    program = _PROGRAMS.get(part, "")
    path = Path(value) / program
    return None if os.access(path, os.X_OK) else f"{label}: {path} is gone or can't be run"


def _optional(value: str | None) -> Path | None:
    return Path(value) if value else None


def _base_python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
