"""Where the tools are, and what is said when they are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import paths, toolchain
from infra.errors import UserError
from infra.toolchain import locate


def test_what_set_up_made_runs() -> None:
    tools = locate()
    libraries = {"LD_LIBRARY_PATH": str(tools.redis_library_path)} if tools.redis_library_path else {}

    assert _says([tools.pulumi, "version"]).startswith("v3.")
    assert "(PostgreSQL) 16." in _says([tools.postgres / "bin" / "postgres", "--version"])
    assert "(PostgreSQL) 16." in _says([tools.postgres / "bin" / "psql", "--version"])
    assert _says([tools.redis_server, "--version"], libraries).startswith("Redis server v=")
    assert _says([tools.caddy, "version"]).startswith("v2.")
    assert _says([tools.barman, "-m", "barman.cli", "--version"]).startswith("3.")
    assert _says([tools.rsync, "--version"]).startswith("rsync ")
    assert int(_says([tools.node, "--version"]).removeprefix("v").partition(".")[0]) >= 20
    assert _says([tools.node, tools.cloudflare / "node_modules/.bin/workerd", "--version"]).startswith("workerd ")


def test_other_users_can_run_what_root_made() -> None:
    """As root PostgreSQL, Redis and Caddy run as the service user; an ordinary user runs them as itself."""
    tools = locate()
    shared = toolchain.cache_home() == Path("/var/cache/pitchbar")
    who = {"user": toolchain.SERVICE_USER, "group": toolchain.SERVICE_USER, "extra_groups": []} if shared else {}
    for program in (tools.postgres / "bin" / "initdb", tools.caddy, tools.node):
        argument = "version" if program == tools.caddy else "--version"
        assert subprocess.run([program, argument], cwd="/", check=False, **who).returncode == 0  # type: ignore[call-overload]


def test_the_apps_python_has_the_apps_packages_and_not_the_platforms() -> None:
    python = toolchain.app_python(paths.project_root() / "app" / "requirements.txt")
    program = (
        "import importlib.util as u; print([bool(u.find_spec(n)) for n in ('psycopg', 'redis', 'pulumi', 'infra')])"
    )
    assert _says([python, "-P", "-c", program]).strip() == "[True, True, False, False]"


def test_the_apps_python_changes_with_its_lock(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_text("a==1\n")
    same.write_text("a==1\n")
    other.write_text("a==2\n")

    assert toolchain.app_python(one) == toolchain.app_python(same) != toolchain.app_python(other)
    assert toolchain.app_python(one).relative_to(toolchain.cache_home() / "app").parts[1:] == ("bin", "python")


def test_before_set_up_every_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(tmp_path))

    with pytest.raises(UserError) as refused:
        locate()

    assert str(refused.value) == (
        "Some tools that Pitchbar needs are missing. To get them, type: make setup\n"
        "  the Pulumi CLI: set-up has not made it yet\n"
        "  the Python language host of Pulumi: set-up has not made it yet\n"
        "  PostgreSQL 16: set-up has not made it yet\n"
        "  Redis 7: set-up has not made it yet\n"
        "  Caddy 2: set-up has not made it yet\n"
        "  Barman 3: set-up has not made it yet\n"
        "  rsync: set-up has not made it yet\n"
        "  Node.js 20 or newer: set-up has not made it yet\n"
        "  Cloudflare's runtime: set-up has not made it yet"
    )


def test_a_tool_that_is_gone_is_named_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {**toolchain.recorded(), "caddy": "/gone/caddy", "postgres": "/gone/postgres"}
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(tmp_path))
    toolchain.record_file().parent.mkdir()
    toolchain.record_file().write_text(json.dumps(record))

    with pytest.raises(UserError) as refused:
        locate()

    assert str(refused.value) == (
        "Some tools that Pitchbar needs are missing. To get them, type: make setup\n"
        "  PostgreSQL 16: /gone/postgres/bin/postgres is gone or can't be run\n"
        "  Caddy 2: /gone/caddy is gone or can't be run"
    )


def test_half_a_record_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(tmp_path))
    toolchain.record_file().parent.mkdir()
    toolchain.record_file().write_text('{"pulumi": "/us')

    assert toolchain.recorded() == {}


def test_the_cache_is_where_its_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", "/somewhere")
    assert toolchain.cache_home() == Path("/somewhere")

    monkeypatch.delenv("PITCHBAR_CACHE_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert toolchain.cache_home() == Path("/var/cache/pitchbar")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert toolchain.cache_home() == Path("/xdg/pitchbar")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert toolchain.cache_home() == tmp_path / ".cache" / "pitchbar"


def test_looking_needs_no_package() -> None:
    program = f"import sys; sys.path.insert(0, {str(paths.project_root())!r}); import infra.toolchain, infra.building"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)


def _says(command: list[str | Path], environment: dict[str, str] | None = None) -> str:
    env = {**os.environ, **(environment or {})}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
